"""Two dispatchers instead of one."""

import os
from dataclasses import replace

from comparison import compare
from contestants import EPOLL, PORTS
from report import Report
from summary import noise, panel, table
from verdict import at_most
from workload import Workload

NAME = "dispatchers"
TITLE = "what a second dispatcher costs"
ABOUT = """
Echoes of 64 bytes over 100 connections, by servers with one dispatcher and with two. Twice the messages at the same
CPU per message would be twice the rate; 1.8 times as many are possible only if a message costs at most 2 / 1.8 of
what it cost. The rate itself would need a CPU for each dispatcher and more for the load.
"""
WORKLOADS = (Workload("100 x 64 B", "closed", 100), Workload("50 x 16 KiB", "closed", 50, 16 * 1024))
CPU_MAX = 2 / 1.8
CPUS_NEEDED = 4


def doubled(contestant):
    return replace(contestant, key=f"{contestant.key}-two", name=f"{contestant.name}, 2 dispatchers",
                   options=(*contestant.options, "--threads", "2"))


def measure(bench):
    report = Report()
    ports = bench.contestants(among=PORTS)
    among = [EPOLL, doubled(EPOLL)] + [each for port in ports for each in (port, doubled(port))]
    for workload in bench.chosen(WORKLOADS):
        comparison = compare(bench, workload, among)
        report.add(table(comparison, among))
        report.remark(noise(comparison))
        report.panels.append(panel(comparison, among, f"{workload.name}: CPU per message, × {EPOLL.name}"))
        report.verdicts += [at_most(f"{workload.name}: {port.name}, CPU per message with two / with one",
                                    comparison.ratio(doubled(port).key, port.key), CPU_MAX,
                                    disturbed_share=comparison.disturbed_share()) for port in ports]
    if os.cpu_count() < CPUS_NEEDED:
        report.remark(f"With {os.cpu_count()} CPUs the second dispatcher shares one with the load: the messages/s say "
                      "nothing about the gain, only the CPU per message about the cost.")
    return report
