"""What the program `cost` and the tools around it wrote: blocks, dumps of callgrind, traces of strace."""

import re
from collections import Counter


def blocks(text):
    """The counts of each block, from lines 'NAME windows=1 units=2 allocations=3'."""
    found = {}
    for line in text.splitlines():
        name, _, counts = line.partition(" ")
        if "/" in name:
            found[name] = Counter({what: int(number) for what, number in re.findall(r"(\w+)=(\d+)", counts)})
    return found


def cases(of_blocks):
    """Their names, without that of the empty window."""
    return [name.removesuffix("/long") for name in of_blocks if name.endswith("/long") and name != "window/long"]


def impossible(text):
    """The cases that could not run, from lines 'NAME impossible'."""
    return set(re.findall(r"^(\S+) impossible$", text, re.MULTILINE))


def dump(text):
    """The name of the block that a dump is of, or None, and the instructions of each function, without its callees."""
    trigger = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.MULTILINE)
    functions = Counter()
    function, is_call = None, False
    for line in text.splitlines():
        if line.startswith("fn="):
            function = line[len("fn="):]
        elif line.startswith("calls="):
            is_call = True
        elif line[:1].isdigit():
            functions[function] += 0 if is_call else int(line.split()[1])
            is_call = False
    return (trigger[1] if trigger else None), functions


def dumps(folder):
    return dict(dump(path.read_text(encoding="utf-8")) for path in folder.glob("dump.*"))


def trace(text):
    """The system calls inside the windows of each block, by name."""
    found, counted, inside = {}, Counter(), False
    for line in text.splitlines():
        mark = re.match(r'write\(-1, "(\w+) ?([^"]*)"', line)
        if mark and mark[1] in ("begin", "end"):
            inside = mark[1] == "begin"
        elif mark:
            if mark[1] == "report":
                found[mark[2]] = counted
            counted = Counter()
        elif inside and re.match(r"\w+\(", line):
            counted[line.partition("(")[0]] += 1
    return found
