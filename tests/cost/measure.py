#!/usr/bin/env python3
"""
What a message costs: instructions, allocations and system calls, counted and so the same in every run.

measure.py FOLDER RESULTS [--only TEXT] [--where TEXT]
FOLDER has bin/cost. --only: what has this in its name. --where: shows in addition where its instructions go.

A figure is a slope: (long block - short block) / (messages of one - messages of the other), so that what is done once is
not in it. What the counting itself costs is subtracted, window by window.
"""

import argparse
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import readings

WHERE_LINES = 15
LIMIT_S = 120


def difference(of_blocks, name):
    """What the long block of a name has more than the short one."""
    more = Counter(of_blocks[name + "/long"])
    more.subtract(of_blocks[name + "/short"])
    return more


class Run:
    """One run of the program under a tool."""

    def __init__(self, command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stderr[-2000:]}")
        self.blocks = readings.blocks(done.stdout)
        self.names = [name.removesuffix("/long") for name in self.blocks if name.endswith("/long")]


def instructions(program, only, folder):
    """Instructions of each unit, function by function, and allocations of each unit."""
    run = Run(["valgrind", "--tool=callgrind", "--collect-atstart=no", "--compress-strings=no", "--compress-pos=no",
               f"--callgrind-out-file={folder}/dump", program, only])
    dumps = readings.dumps(folder)
    window = difference(dumps, "window")
    windows = difference(run.blocks, "window")["windows"]
    found = {}
    for name in run.names:
        if name != "window":
            more = difference(run.blocks, name)
            functions = difference(dumps, name)
            for function, cost in window.items():
                functions[function] -= cost * more["windows"] / windows
            found[name] = Counter({function: cost / more["units"] for function, cost in functions.items()})
    return found


def print_where(name, functions):
    print(f"{name}: {sum(functions.values()):.1f} instructions, by function:")
    for function, cost in functions.most_common(WHERE_LINES):
        print(f"  {cost:8.1f}  {function}")
    rest = functions.most_common()[WHERE_LINES:]
    print(f"  {sum(cost for _, cost in rest):8.1f}  {len(rest)} others")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("results")
    parser.add_argument("--only", default="")
    parser.add_argument("--where")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = instructions(options.folder / "bin/cost", options.where or options.only, Path(folder))
    for name, functions in found.items():
        print(f"{name:24} {sum(functions.values()):9.1f}")
    for name, functions in found.items():
        if options.where:
            print_where(name, functions)


if __name__ == "__main__":
    main()
