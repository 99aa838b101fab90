"""The table of docs/model.md, which inline of a model is which function of the code, checked so that it does not rot."""

import re
from pathlib import Path

import spin

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\w+) \| `(\w+)` \| `([\w/.]+)` \| `(\w+)` \|", re.MULTILINE)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def rows():
    return ROW.findall(read("docs/model.md"))


def inlines(model):
    """The inlines and processes of a model."""
    text = spin.source_of(model)
    return re.findall(r"^(?:inline|proctype|active (?:\[\w+\] )?proctype) (\w+)\(", text, re.MULTILINE)


def defines(text, function):
    """True when the code has this function, with its body."""
    return re.search(rf"^[\w*][\w* ]*\b{function}\([^;{{]*\)\n\{{", text, re.MULTILINE) is not None


def faults(table=None):
    found = []
    for model, name, file, function in rows() if table is None else table:
        if name not in inlines(model):
            found.append(f"{model}.pml has no {name}")
        if not (ROOT / file).is_file() or not defines(read(file), function):
            found.append(f"{file} has no {function}")
    return found


def own():
    """What the page says to be the model's own."""
    text = read("docs/model.md")
    return set(re.findall(r"`(\w+)`", text[text.index("The models' own:"):].split("\n\n")[0]))


def forgotten():
    listed = {(model, name) for model, name, _, _ in rows()}
    return [f"{model}.pml: {name}" for model in ("kick", "handle", "session", "service") for name in inlines(model)
            if (model, name) not in listed and name not in own()]
