"""How the CPU per message grows with the number of connections."""

from comparison import compare
from contestants import EPOLL, LEVEL_WITH
from report import Report
from spread import quotients, spread
from summary import noise, panel, table
from tables import Table
from verdict import no_worse
from workload import Workload

NAME = "scaling"
TITLE = "CPU per message from 100 to 10,000 connections"
ABOUT = """
Echoes of 64 bytes over 100, 1,000 and 10,000 connections, each with one message in flight, and over 100 beside 9,900
that are silent. What counts is how much a port's CPU per message grows from 100 connections on, over how much that of
the hand-written server on the same system interface grows.
"""
FEW = Workload("100 active", "closed", 100)
MORE = (
    Workload("1,000 active", "closed", 1000),
    Workload("10,000 active", "closed", 10_000),
    Workload("100 active of 10,000", "idle", 10_000, active=100),
)
TOLERANCE = 0.05


def growth(few, many, port, hand_written):
    """By rounds: the growth of a port over that of the hand-written server."""
    return spread(quotients(many.ratios(port.key, hand_written.key), few.ratios(port.key, hand_written.key)))


def verdicts(few, many):
    return [no_worse(f"{few.workload.name} to {many.workload.name}: growth of {port.name} / {hand_written.name}",
                     growth(few, many, port, hand_written), TOLERANCE, many.disturbed_share())
            for port, hand_written in LEVEL_WITH if len(many.present((port, hand_written))) == 2]


def overview(comparisons, among):
    rows = [[each.name, *[f"{comparison.ratio(each.key).median:.2f}" for comparison in comparisons]] for each in among]
    return Table(f"CPU per message, × {EPOLL.name}", ["server", *[each.workload.name for each in comparisons]], rows)


def measure(bench):
    report, comparisons, among = Report(), [], bench.contestants()
    for workload in [FEW.small() if bench.smoke else FEW, *bench.chosen(MORE)]:
        comparison = compare(bench, workload, among)
        comparisons.append(comparison)
        report.add(table(comparison, among))
        report.remark(noise(comparison))
        report.panels.append(panel(comparison, among, f"{workload.name}: CPU per message, × {EPOLL.name}"))
    report.add(overview(comparisons, among))
    for many in comparisons[1:]:
        report.verdicts += verdicts(comparisons[0], many)
    return report
