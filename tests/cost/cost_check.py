import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bounds
import readings

TABLE = "echo 100/50 0.5/0 2/-\n"
FIGURES = {("echo", "instructions"): 100, ("echo", "allocations"): 0.5, ("echo", "system calls"): 2}

DUMP = """\
desc: Trigger: Client Request: echo/long
positions: line
fn=first
10 5
calls=3 0
11 700
12 1
fn=second
20 700
"""

TRACE = """\
write(-1, "forget", 6) = -1 EBADF (Bad file descriptor)
sendto(7, "by a client", 11, 0, NULL, 0) = 11
write(-1, "begin", 5) = -1 EBADF (Bad file descriptor)
epoll_wait(3, [], 256, 0) = 1
recvfrom(8, "text", 65536, 0, NULL, NULL) = 4
write(-1, "end", 3) = -1 EBADF (Bad file descriptor)
recvfrom(7, "by a client", 11, 0, NULL, NULL) = 11
write(-1, "report echo/long", 16) = -1 EBADF (Bad file descriptor)
"""


class Bounds(unittest.TestCase):
    def wrong_with(self, **changes):
        figures = FIGURES | {("echo", what.replace("_", " ")): figure for what, figure in changes.items()}
        return bounds.wrong(bounds.parse(TABLE), figures)

    def test_what_is_at_its_bound_passes(self):
        self.assertEqual(self.wrong_with(), [])

    def test_what_is_above_its_bound_fails(self):
        self.assertEqual(self.wrong_with(allocations=0.501), ["echo: 0.501 allocations, the bound is 0.5"])

    def test_what_was_not_counted_fails(self):
        self.assertEqual(self.wrong_with(instructions=None), ["echo: no instructions were counted"])

    def test_a_case_without_a_bound_fails(self):
        self.assertEqual(len(bounds.wrong({}, FIGURES)), 1)

    def test_only_a_case_that_is_impossible_needs_no_figures(self):
        self.assertEqual(bounds.wrong(bounds.parse(TABLE), {}, {"echo"}), [])
        self.assertEqual(len(bounds.wrong(bounds.parse(TABLE), {}, {"other"})), 3)

    def test_a_new_bound_is_a_little_above_the_figure(self):
        self.assertEqual(bounds.bound_for("instructions", 200, 50), 206)

    def test_a_new_bound_is_not_above_a_goal_that_is_reached(self):
        self.assertEqual(bounds.bound_for("instructions", 149, 150), 150)
        self.assertEqual(bounds.bound_for("allocations", 0, 0), 0)

    def test_the_table_is_as_it_would_be_written(self):
        text = Path(__file__).with_name("bounds.txt").read_text(encoding="utf-8")
        self.assertEqual(bounds.write(bounds.parse(text)), text)


class Readings(unittest.TestCase):
    def test_a_function_has_not_the_cost_of_what_it_calls(self):
        self.assertEqual(readings.dump(DUMP), ("echo/long", Counter(first=6, second=700)))

    def test_system_calls_outside_of_windows_do_not_count(self):
        self.assertEqual(readings.trace(TRACE), {"echo/long": Counter(epoll_wait=1, recvfrom=1)})

    def test_counts_of_a_block_are_read(self):
        text = "echo/long windows=1 units=2 allocations=3\nother impossible\n"
        self.assertEqual(readings.blocks(text), {"echo/long": Counter(windows=1, units=2, allocations=3)})
        self.assertEqual(readings.cases(readings.blocks(text)), ["echo"])
        self.assertEqual(readings.impossible(text), {"other"})
