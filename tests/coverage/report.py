#!/usr/bin/env python3
"""
The branches of impl/ that the tests reached, from the counts that a build with --coverage left behind.

  tests/coverage/report.py BUILD [RESULTS]    fails under PERCENT_MIN, for a branch that is not reached and not in
                                              unreached.txt, and for an entry there that fits no line. With RESULTS
                                              it appends a line 'PASSED FAILED', else its exit code tells
  tests/coverage/report.py BUILD --list       entries for unreached.txt, of what it does not have yet

Counted are the library's own sources on Linux, static inline functions of its headers included. Not counted: the
simulator, and the branches of debug checks, which are there to be never taken. An entry of unreached.txt:

  FILE | LINE OF SOURCE | BRANCHES | REASON

BRANCHES: at most so many of the line, or of all lines of the file with the same text, may stay unreached.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).resolve().parent / "unreached.txt"
PERCENT_MIN = 95.0
EXCLUDED = re.compile(r"impl/(os/sim/|port/ports?_sim)")


def gcov(counts):
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", str(counts)],
                          cwd=counts.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def source_of(name, folder):
    path = (Path(folder) / name).resolve()
    try:
        return path.relative_to(ROOT).as_posix()
    except ValueError:
        return ""


class Branches:
    """How often each branch of each line was taken, over all objects that a source is part of."""

    def __init__(self):
        self.taken = defaultdict(lambda: defaultdict(int))  # (file, line, number of branches) -> branch -> times

    def add(self, report):
        for unit in report["files"]:
            name = source_of(unit["file"], report["current_working_directory"])
            if name.startswith("impl/") and not EXCLUDED.match(name):
                for line in unit["lines"]:
                    self.add_line(name, line)

    def add_line(self, name, line):
        branches = [branch["count"] for branch in line["branches"]]
        for number, count in enumerate(branches):
            self.taken[name, line["line_number"], len(branches)][number] += count

    def by_line(self):
        """(file, line) -> (branches, unreached). Of a line that is compiled in several ways, the one reached best."""
        lines = {}
        for (name, number, total), taken in self.taken.items():
            unreached = sum(count == 0 for count in taken.values())
            best = lines.get((name, number))
            if best is None or unreached < best[1]:
                lines[name, number] = (total, unreached)
        return lines


def check_lines(text):
    """Numbers of the lines that belong to a debug check."""
    found = set()
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        inside = inside or "ICN_CHECK(" in line
        if inside:
            found.add(number)
        inside = inside and ";" not in line
    return found


def measure(build):
    counts = sorted(path for path in Path(build).resolve().glob("impl/**/*.gcda"))
    branches = Branches()
    with ThreadPoolExecutor() as pool:
        for reports in pool.map(gcov, counts):
            for report in reports:
                branches.add(report)
    texts = {}
    lines = {}
    for (name, number), figures in branches.by_line().items():
        if name not in texts:
            text = (ROOT / name).read_text(encoding="utf-8")
            texts[name] = (text.splitlines(), check_lines(text))
        if number not in texts[name][1]:
            lines[name, number] = (texts[name][0][number - 1].strip(), *figures)
    return lines


def unreached_by_text(lines):
    """(file, text) -> branches of such lines that were not reached."""
    found = defaultdict(int)
    for (name, _), (text, _, unreached) in lines.items():
        found[name, text] += unreached
    return {key: count for key, count in found.items() if count != 0}


def allowed():
    entries = {}
    for line in LIST.read_text(encoding="utf-8").splitlines() if LIST.exists() else []:
        if line and not line.startswith("#"):
            name, rest = line.split(" | ", 1)
            text, count, reason = rest.rsplit(" | ", 2)
            entries[name, text] = (int(count), reason)
    return entries


def faults_of(lines):
    entries = allowed()
    texts = {(name, text) for (name, _), (text, _, _) in lines.items()}
    faults = [f"{name}: {text}: {count} branches not reached, {entries.get((name, text), (0, ''))[0]} explained"
              for (name, text), count in sorted(unreached_by_text(lines).items())
              if count > entries.get((name, text), (0, ""))[0]]
    faults += [f"{name}: {text}: is explained, but no such line has branches" for name, text in entries
               if (name, text) not in texts]
    return faults + [f"{name}: {text}: no reason" for (name, text), entry in entries.items() if not entry[1].strip()]


def print_files(lines):
    totals = defaultdict(lambda: [0, 0])
    for (name, _), (_, total, unreached) in lines.items():
        totals[name][0] += total
        totals[name][1] += unreached
    for name, (total, unreached) in sorted(totals.items()):
        if unreached != 0:
            print(f"   {name}: {total - unreached} of {total}")


def main():
    lines = measure(sys.argv[1])
    if sys.argv[2:] == ["--list"]:
        entries = allowed()
        for (name, text), count in sorted(unreached_by_text(lines).items()):
            if count > entries.get((name, text), (0, ""))[0]:
                print(f"{name} | {text} | {count} | ")
        return
    total = sum(total for _, total, _ in lines.values())
    unreached = sum(unreached for _, _, unreached in lines.values())
    percent = 100.0 * (total - unreached) / max(total, 1)
    print_files(lines)
    print(f"-- coverage: {total - unreached} of {total} branches of impl/ (without Windows' sources): {percent:.1f} %")
    faults = faults_of(lines)
    print("\n".join(faults))
    failed = (percent < PERCENT_MIN) + bool(faults)
    print(f"-- coverage: {2 - failed} passed, {failed} failed")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "a", encoding="utf-8") as results:
            results.write(f"{2 - failed} {failed}\n")
    elif failed:
        sys.exit(1)


main()
