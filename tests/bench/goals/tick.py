"""A thread of the host updates all sessions, many times a second."""

import times_less
from contestants import LIBRARIES
from workload import Workload

NAME = "tick"
TITLE = "a thread of the host updates 5,000 sessions, 20 times a second"
ABOUT = """
A thread of the server that is not its dispatcher has 200 bytes for each of 5,000 sessions, every 50 ms. The sessions
are connected for a slice only, one server after the other, for all would tick at once. The latency counts from the
tick.
"""
WORKLOADS = (Workload("5,000 sessions, 200 B, 20 Hz", "tick", 5000, 200, server="tick", rate=20, period_ms=50,
                      connects_per_slice=True),)
LEAST = 1.5


def measure(bench):
    return times_less.measure(bench, WORKLOADS, LIBRARIES[:2], LEAST)
