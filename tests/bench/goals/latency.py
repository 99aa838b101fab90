"""Latency at 30 % of what hand-written epoll can do."""

from dataclasses import replace

from comparison import compare, cpu_ns, percentile
from contestants import EPOLL, PORTS
from plots import Panel
from report import Report
from summary import noise, table
from tables import Table, quartiles, ratio
from verdict import no_worse
from workload import Workload

NAME = "latency"
TITLE = "p99 and p99.9 at 30 % load"
ABOUT = """
Messages of 64 bytes over 100 connections are sent on a schedule that no answer delays, and their latency counts from
when each was to be sent. The rate is 30 % of what hand-written epoll could serve: of a second over the CPU time that
an echo cost it just before.
"""
CLOSED = Workload("capacity", "closed", 100)
OPEN = Workload("100 x 64 B", "open", 100, spins=True)
LOAD = 0.3
MEASURES = (("p99_us", "p99"), ("p999_us", "p99.9"))
TOLERANCE = 0.1


def capacity(bench):
    """Messages a second that hand-written epoll could serve if it had always something to do."""
    workload = CLOSED.small() if bench.smoke else CLOSED
    comparison = compare(bench, workload, bench.contestants(among=[EPOLL]))
    return 1e9 / comparison.spread(EPOLL.key, cpu_ns).median


def ratios(comparison, among):
    head = ["server"] + [text for _, name in MEASURES for text in (f"{name} × epoll", "quartiles")]
    rows = []
    for each in among:
        found = [comparison.ratio(each.key, measure=percentile(name)) for name, _ in MEASURES]
        rows.append([each.name, *[text for one in found for text in (ratio(one), quartiles(one))]])
    return Table("Latencies of each slice over those of the slices of hand-written epoll around it", head, rows)


def panel(comparison, among, field, name):
    rows = [(each.name, comparison.spread(each.key, percentile(field))) for each in among]
    return Panel(f"{name} in µs", rows, at=comparison.spread(EPOLL.key, percentile(field)).median, digits=0)


def verdicts(comparison):
    share = comparison.disturbed_share()
    return [no_worse(f"{name} of {port.name} / {EPOLL.name}", comparison.ratio(port.key, measure=percentile(field)),
                     TOLERANCE, share)
            for port in comparison.present(PORTS) for field, name in MEASURES]


def measure(bench):
    report, among = Report(), bench.contestants()
    rate = int(LOAD * capacity(bench))
    report.remark(f"The rate was {rate:,} messages/s.")
    workload = replace(OPEN.small() if bench.smoke else OPEN, rate=min(rate, 2000) if bench.smoke else rate)
    comparison = compare(bench, workload, among)
    report.add(table(comparison, among, f"{workload.name}, {workload.rate:,} messages/s"))
    report.add(ratios(comparison, among))
    report.remark(noise(comparison))
    report.verdicts = verdicts(comparison)
    report.panels = [panel(comparison, among, field, name) for field, name in MEASURES]
    return report
