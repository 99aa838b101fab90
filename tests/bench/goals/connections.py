"""Very many connections at once."""

import time
from contextlib import ExitStack
from dataclasses import replace

from contestants import EPOLL, PORTS
from report import Report
from tables import Table, microseconds, whole
from verdict import plain
from workload import SMOKE_CONNECTIONS_MAX, Workload

NAME = "connections"
TITLE = "18,000 connections of one process, 100,000 of several"
ABOUT = """
The connections are made, each echoes one message of 64 bytes, all are held, and a hundred of each process go on
echoing for a slice. A process here may have 20,000 descriptors: 100,000 connections take six servers, each with a
load of its own, that listen on several loopback addresses.
"""
ONE = Workload("18,000, one process", "idle", 18_000, active=100, addresses=4)
SEVERAL = Workload("100,000, six processes", "idle", 16_700, active=100, addresses=4)
PROCESSES = ((ONE, 1), (SEVERAL, 6))


def held(bench, contestant, workload, processes):
    """A row of the table, when all connections stood and none was lost."""
    with ExitStack() as stack:
        servers = [stack.enter_context(bench.server(contestant, workload)) for _ in range(processes)]
        before = sum(server.resident_bytes() for server in servers)
        started = time.monotonic()
        loads = [stack.enter_context(bench.load(workload, server)) for server in servers]
        seconds = time.monotonic() - started
        grown = sum(server.resident_bytes() for server in servers) - before
        messages = sum(load.run(bench.slice_ms)["messages"] for load in loads)
    connections = workload.connections * processes
    return [contestant.name, whole(connections), microseconds(seconds * 1e6 / connections), whole(grown / connections),
            whole(messages)]


def measure(bench):
    report = Report()
    head = ["server", "connections held", "µs to connect and echo", "bytes each", "messages meanwhile"]
    for workload, processes in PROCESSES:
        if bench.smoke:
            workload = replace(workload.small(), connections=SMOKE_CONNECTIONS_MAX)
        among = bench.contestants(among=(EPOLL, *PORTS))
        rows = [held(bench, each, workload, processes) for each in among]
        report.add(Table(workload.name, head, rows))
        report.verdicts += [plain(f"{workload.name}: {each.name}", True, f"{row[1]} held, each echoed, none lost")
                            for each, row in zip(among, rows) if each in PORTS]
    return report
