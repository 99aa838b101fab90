#!/usr/bin/env python3
"""The ABI of api/iocpnet.h as text, for each target, from a compiler alone: nothing is run.

golden.py --update writes the golden files; abi_check.py compares them. What a released version contains never changes:
an update may only add lines.
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import project  # noqa: E402

FOLDER = Path(__file__).resolve().parent / "golden"
TARGETS = {
    "x86_64-linux": "x86_64-linux-gnu",
    "i686-linux": "i686-linux-gnu",
    "x86_64-windows": "x86_64-w64-windows-gnu",
    "i686-windows": "i686-w64-windows-gnu"}
NOT_CONSTANTS = {"IOCPNET_H", "IOCPNET_API", "IOCPNET_CALL"}


def clang(target, *arguments, text='#include "iocpnet.h"\n'):
    code, output = project.run("clang", f"--target={TARGETS[target]}", "-ffreestanding", "-nostdlibinc", "-Iapi",
                               *arguments, "-x", "c", "-", text=text)
    if code != 0:
        raise RuntimeError(output)
    return output


def declarations(target):
    """The declarations of the header itself, as clang sees them."""
    tree = json.loads(clang(target, "-fsyntax-only", "-Xclang", "-ast-dump=json"))
    return [node for node in tree["inner"] if node["kind"] == "EnumDecl" or node.get("name", "").startswith("iocpnet_")]


def constant_names(target):
    macros = re.findall(r"^#define (IOCPNET_\w+) ", clang(target, "-E", "-dM"), re.MULTILINE)
    enumerators = [item["name"] for node in declarations(target) if node["kind"] == "EnumDecl"
                   for item in node["inner"]]
    return sorted((set(macros) | set(enumerators)) - NOT_CONSTANTS)


def constants(target):
    """Name and value of every constant: the compiler evaluates them into the variables of an unused program."""
    program = '#include "iocpnet.h"\n'
    program += "".join(f"const long long v_{name} = ({name});\n" for name in constant_names(target))
    values = re.findall(r"^@v_(\w+) = .*constant i64 (-?\d+)", clang(target, "-S", "-emit-llvm", "-o", "-", text=program),
                        re.MULTILINE)
    return [f"{name} {value}" for name, value in values]


def records(target):
    """(struct, size, alignment, [(offset, type, field)]) of every public struct."""
    dump = clang(target, "-fsyntax-only", "-Xclang", "-fdump-record-layouts-complete")
    found = []
    for block in dump.split("*** Dumping AST Record Layout\n")[1:]:
        name = re.match(r"\s*0 \| \w+ (iocpnet_\w+)", block)
        if name:
            fields = re.findall(r"^\s*(\d+) \|\s+(?=\S)(.*) (\w+)$", block, re.MULTILINE)
            fields = [(int(offset), kind, field) for offset, kind, field in fields if field != name[1]]
            size, alignment = re.search(r"\[sizeof=(\d+), align=(\d+)\]", block).groups()
            found.append((name[1], int(size), int(alignment), fields))
    return found


def structs(target):
    lines = []
    for name, size, alignment, fields in sorted(records(target)):
        lines.append(f"{name}: size {size}, alignment {alignment}")
        lines += [f"    {offset} {field}: {kind}" for offset, kind, field in fields]
    return lines


def functions(target):
    nodes = [node for node in declarations(target) if node["kind"] in ("FunctionDecl", "TypedefDecl")]
    return sorted({f"{node['name']}: {node['type']['qualType']}" for node in nodes})


def golden(target):
    sections = (("constants", constants), ("structs", structs), ("functions and types", functions))
    return "\n".join("\n".join([f"[{title}]", *lines(target), ""]) for title, lines in sections)


def main():
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: golden.py --update")
    FOLDER.mkdir(exist_ok=True)
    for target in TARGETS:
        (FOLDER / f"{target}.txt").write_text(golden(target), encoding="utf-8")


if __name__ == "__main__":
    main()
