#!/usr/bin/env python3
"""Write api/iocpnet.def and api/iocpnet.map from the one list of exported names, api/iocpnet.exports."""

from pathlib import Path

API = Path(__file__).resolve().parent


def exported_names():
    return (API / "iocpnet.exports").read_text(encoding="utf-8").split()


def module_definition(names):
    """For the Windows linkers. No ordinals: a name is the contract."""
    return "LIBRARY iocpnet\nEXPORTS\n" + "".join(f"    {name}\n" for name in names)


def version_script(names):
    """For the ELF linkers."""
    exported = "".join(f"        {name};\n" for name in names)
    return f"IOCPNET_1.0 {{\n    global:\n{exported}    local:\n        *;\n}};\n"


def generated():
    """The generated files: path to text."""
    names = exported_names()
    return {API / "iocpnet.def": module_definition(names), API / "iocpnet.map": version_script(names)}


def main():
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
