"""A message from one goes to all."""

import times_less
from contestants import LIBRARIES
from workload import Workload

NAME = "fanout"
TITLE = "a message of one of 100 sessions goes to all 100"
ABOUT = """
One session sends 64 bytes and each of 100 gets them, the sender included, with four such rounds in flight. What
counts is the server's CPU per message that arrived.
"""
WORKLOADS = (Workload("100 sessions, 64 B", "fanout", 100, server="fanout", depth=4),)
LEAST = 2.0


def measure(bench):
    return times_less.measure(bench, WORKLOADS, LIBRARIES[:2], LEAST)
