"""Looking again before sleeping: what it gains and what it costs."""

from dataclasses import replace

from comparison import compare, cpu_ns, percentile
from contestants import EPOLL, PORTS
from plots import Panel
from report import Report
from summary import noise, table
from verdict import at_most
from workload import Workload

NAME = "spin"
TITLE = "a dispatcher that spins before it sleeps"
ABOUT = """
Echoes of 64 bytes over one connection, one after the other and 1,000 a second, by servers whose dispatcher sleeps at
once and by ones that look for events for up to 50 and 200 µs first. The gain is in the p50, the cost in the CPU per
message.
"""
ONE = Workload("1 x 64 B", "closed", 1)
SPARSE = Workload("1 x 64 B, 1,000/s", "open", 1, rate=1000, spins=True)
SPIN_US = (50, 200)
TOLERANCE = 0.1


def spinning(contestant, microseconds):
    options = (*contestant.options, "--spin-us", str(microseconds))
    return replace(contestant, key=f"{contestant.key}-{microseconds}", name=f"{contestant.name}, {microseconds} µs",
                   options=options)


def verdict(comparison, port):
    """The shorter spin against none."""
    spins = spinning(port, SPIN_US[0])
    found = comparison.ratio(spins.key, port.key, percentile("p50_us"))
    about = f"{comparison.workload.name}: p50 of {spins.name} / without"
    return at_most(about, found, 1, TOLERANCE, comparison.disturbed_share())


def panel(comparison, among, title, measure_of):
    rows = [(each.name, comparison.spread(each.key, measure_of)) for each in among]
    at = comparison.spread(EPOLL.key, measure_of).median
    return Panel(f"{comparison.workload.name}: {title}", rows, at, digits=1)


def measure(bench):
    report = Report()
    ports = bench.contestants(among=PORTS)
    among = [EPOLL] + [each for port in ports for each in (port, *[spinning(port, us) for us in SPIN_US])]
    for workload in bench.chosen((ONE, SPARSE)):
        comparison = compare(bench, workload, among)
        report.add(table(comparison, among))
        report.remark(noise(comparison))
        report.verdicts += [verdict(comparison, port) for port in ports]
        report.panels += [panel(comparison, among, "p50 in µs", percentile("p50_us")),
                          panel(comparison, among, "CPU ns per message", cpu_ns)]
    return report
