"""Every byte back: the columns of messages and connections, and connections that come and go."""

from comparison import compare
from contestants import EPOLL, EPOLL_CAREFUL, EPOLL_SESSIONS, HAND_WRITTEN, IOCPNET_EPOLL, LEVEL_WITH, LIBRARIES, PORTS
from report import Report
from summary import noise, panel, table
from tables import Table
from verdict import at_most, written
from workload import Workload

NAME = "echo"
TITLE = "CPU of the server per echo"
ABOUT = """
Each connection has its messages in flight and sends the next when one is back, each byte of which is compared. A port
is held against the hand-written server on the same system interface, the better port against the better hand-written
server and against each library. The last column connects, echoes one message and closes, 32 connections at a time;
there a careful hand-written server asks where a peer is, receives up to what ended a connection, and takes a descriptor
out of epoll before it closes it; and one with sessions has for each connection a record, a handle that is never valid
again, a limit, counters, and calls of the host at its beginning and its end.
"""
COLUMNS = (
    Workload("100 x 64 B", "closed", 100),
    Workload("1000 x 64 B", "closed", 1000),
    Workload("100 x 64 B, 16 deep", "closed", 100, depth=16),
    Workload("50 x 16 KiB", "closed", 50, 16 * 1024),
    Workload("4 x 64 KiB, 4 deep", "closed", 4, 64 * 1024, depth=4),
    Workload("1 x 64 B", "closed", 1),
    Workload("churn", "churn", 32),
)
PORT_MAX = 1.03
BETTER_MAX = 1.02


def against(comparison, one, other, limit):
    about = f"{comparison.workload.name}: {one.name} / {other.name}"
    return at_most(about, comparison.ratio(one.key, other.key), limit, disturbed_share=comparison.disturbed_share())


def verdicts(comparison):
    found = [against(comparison, port, hand_written, PORT_MAX) for port, hand_written in LEVEL_WITH
             if len(comparison.present((port, hand_written))) == 2]
    better = comparison.best(PORTS)
    if better:
        found.append(against(comparison, better, comparison.best(HAND_WRITTEN), BETTER_MAX))
        found += [against(comparison, better, library, 1) for library in comparison.present(LIBRARIES)]
    return found


def overview(comparisons, among):
    """All columns of all servers, as ratios."""
    rows = [[each.name, *[f"{comparison.ratio(each.key).median:.2f}" for comparison in comparisons]] for each in among]
    return Table(f"All columns, × {EPOLL.name}", ["server", *[each.workload.name for each in comparisons]], rows)


def is_churn(workload):
    return workload.load == "churn"


def care(comparison):
    """What is left when the hand-written server does for a connection what a library has to."""
    pairs = [(EPOLL_CAREFUL, EPOLL), (EPOLL_SESSIONS, EPOLL)]
    if comparison.present((IOCPNET_EPOLL,)):
        pairs.append((IOCPNET_EPOLL, EPOLL_SESSIONS))
    ratios = (f"{one.name} / {other.name} {written(comparison.ratio(one.key, other.key))}" for one, other in pairs)
    return "What care costs: " + ", ".join(ratios) + "."


def measure(bench):
    report, comparisons, among = Report(), [], bench.contestants()
    for workload in bench.chosen(COLUMNS):
        taking_part = [*among, EPOLL_CAREFUL, EPOLL_SESSIONS] if is_churn(workload) else among
        comparison = compare(bench, workload, taking_part)
        comparisons.append(comparison)
        report.add(table(comparison, taking_part))
        report.remark(noise(comparison))
        if is_churn(workload):
            report.remark(care(comparison))
        report.verdicts += verdicts(comparison)
        report.panels.append(panel(comparison, among, f"{workload.name}: CPU per message, × {EPOLL.name}"))
    report.add(overview(comparisons, among))
    return report
