"""Runs a model through spin: generates its verifier, compiles it, and reads what it says."""

import collections
import re
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
DEPTH_MAX = 1000000
MEMORY_MIB = 2500
TIME_MAX_S = 300

# `killer`: the assertion, the deadlock or the cycle that was found; None when all of the states were searched without one.
Result = collections.namedtuple("Result", "states seconds killer complete output")

# A cycle would be a run without an end: no state of these models makes progress, so each cycle is reported.
ASSERTIONS = ("-DSAFETY",)
CYCLES = ("-DNP",)


def command(folder, *words):
    done = subprocess.run(words, cwd=folder, text=True, errors="replace", timeout=TIME_MAX_S, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0 and words[0] != "./pan":
        raise RuntimeError(done.stdout)
    return done.stdout


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found[1]) if found else 0


def killer_of(output):
    found = re.search(r"^pan:1: (.*) \(at depth \d+\)", output, re.MULTILINE)
    return found[1] if found else None


def read(output):
    complete = (re.search(r"errors: 0$", output, re.MULTILINE) is not None and "Search not completed" not in output and
                "max search depth too small" not in output and "MEMLIM" not in output)
    return Result(int(number(r"(\d+) states, stored", output)), number(r"elapsed time ([\d.e+-]+) seconds", output),
                  killer_of(output), complete, output)


def source_of(model):
    """The text of a model, with its parts in their places."""
    text = (FOLDER / f"{model}.pml").read_text(encoding="utf-8")
    return re.sub(r'^#include "(\w+)\.pml"\n', lambda part: source_of(part[1]), text, flags=re.MULTILINE)


def check(text, options, search=ASSERTIONS):
    """The Result of searching all states of a model, given as text."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.pml").write_text(text, encoding="utf-8")
        command(folder, "spin", "-a", *options, "model.pml")
        # Without optimisation: the one huge function takes gcc longer than the search.
        command(folder, "gcc", "-w", "-O0", *search, f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c")
        return read(command(folder, "./pan", f"-m{DEPTH_MAX}", *(["-l"] if search == CYCLES else [])))


def mutated(mutant):
    text = source_of(mutant.model)
    for old, new in mutant.replacements:
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: this text is not once in {mutant.model}.pml:\n{old}")
        text = text.replace(old, new)
    return text
