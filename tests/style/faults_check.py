"""The table of docs/faults.md names tests that exist, where it says that they run."""

import re
import unittest

import project

PAGE = "docs/faults.md"
LINES = 32
FEATURE = "with that feature"
SAME = "the same"


def rows(text):
    """The cells of each row that begins with a number."""
    return [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in text.splitlines() if re.match(r"\| \d+ \|", line)]


def names(cell):
    return re.findall(r"`(\w+\.\w+)`", cell)


def tests():
    """The files of each GoogleTest case of the sources."""
    found = {}
    for name in project.code_files(".cpp"):
        if name.startswith("tests/"):
            for suite, case in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", project.read(name), re.MULTILINE):
                found.setdefault(f"{suite}.{case}", []).append(name)
    return found


def invariants():
    """Names in the simulator's table."""
    return set(re.findall(r'= "([a-z ]+)";', project.read("tests/sim/invariants.hpp")))


def is_within(file, guard):
    """True when one condition, from the first directive to the last, has all of a file."""
    directives = re.findall(r"^#(?!include|pragma|define)\s*(.*)", project.read(file), re.MULTILINE)
    depth = 0
    for number, directive in enumerate(directives):
        depth += directive.startswith("if") - directive.startswith("endif")
        ends_early = depth == 0 and number + 1 < len(directives)
        if ends_early or depth == 1 and directive.startswith("el"):
            return False
    return bool(directives) and directives[0] == f"if {guard}"


def runs_on_windows(files):
    return any(not is_within(file, "defined(__linux__)") for file in files)


def wrong(text, known, watched):
    """What is wrong with the table, one line each."""
    found = []
    for number, _, linux, windows, simulator in rows(text):
        missing = [name for name in names(linux) + names(windows) if name not in known]
        missing += [name for name in re.findall(r'"([a-z ]+)"', simulator) if name not in watched]
        found += [f"line {number}: there is no {name}" for name in missing]
        if not names(linux) and FEATURE not in linux:
            found.append(f"line {number}: no test on Linux")
        if not windows:
            found.append(f"line {number}: nothing is said of IOCP")
        if not simulator:
            found.append(f"line {number}: nothing is said of the simulator")
        named = [name for name in names(linux if windows == SAME else windows) if name in known]
        running = [name for name in named if runs_on_windows(known[name])]
        if windows == SAME and not running or windows != SAME and running != named:
            found.append(f"line {number}: does not run on Windows")
    return found


class Faults(unittest.TestCase):
    def test_every_line_is_there_once_in_its_order(self):
        self.assertEqual([int(row[0]) for row in rows(project.read(PAGE))], list(range(1, LINES + 1)))

    def test_every_test_exists_and_runs_where_the_table_says(self):
        self.assertEqual(wrong(project.read(PAGE), tests(), invariants()), [])

    def test_a_name_that_does_not_exist_is_found(self):
        page = re.sub(r"`(\w+\.\w+)`", r"`\1Not`", project.read(PAGE), count=1)
        self.assertEqual(len(wrong(page, tests(), invariants())), 1)

    def test_a_test_of_linux_is_none_of_windows(self):
        self.assertEqual(wrong("| 1 | a | `A.B` | `A.B` | none |", {"A.B": ["tests/fault/injection_send_test.cpp"]}, set()),
                         ["line 1: does not run on Windows"])
