"""A message from one goes to all."""

import times_less
from contestants import LIBRARIES
from workload import Workload

NAME = "fanout"
TITLE = "a message of one of 100 sessions goes to all 100"
ABOUT = """
One session sends 64 bytes and each of 100 gets them, the sender included, with one, four or sixteen such rounds in
flight. Of one round there is nothing to put together: each message is a system call of its own. What counts is the
server's CPU per message that arrived.
"""
WORKLOADS = tuple(Workload(f"100 sessions, 64 B, {depth} in flight", "fanout", 100, server="fanout", depth=depth)
                  for depth in (1, 4, 16))
LEAST = 2.0


def measure(bench):
    return times_less.measure(bench, WORKLOADS, LIBRARIES[:2], LEAST)
