"""Goals of the kind 'so many times less CPU than those libraries'."""

from comparison import compare
from contestants import EPOLL, HAND_WRITTEN, PORTS
from report import Report
from summary import noise, panel, table
from verdict import at_least, written


def verdicts(comparison, libraries, least):
    port = comparison.best(PORTS)
    return [at_least(f"{comparison.workload.name}: CPU of {library.name} / {port.name}",
                     comparison.ratio(library.key, port.key), least, disturbed_share=comparison.disturbed_share())
            for library in comparison.present(libraries) if port]


def limit(comparison, libraries):
    """What a server without any library has, by the best of what is hand-written."""
    best = comparison.best(HAND_WRITTEN)
    ratios = (f"{library.name} / {best.name} {written(comparison.ratio(library.key, best.key))}"
              for library in comparison.present(libraries))
    return "The limit, without a library: CPU of " + ", ".join(ratios) + "."


def measure(bench, workloads, libraries, least):
    report, among = Report(), bench.contestants()
    for workload in bench.chosen(workloads):
        comparison = compare(bench, workload, among)
        report.add(table(comparison, among))
        report.remark(noise(comparison))
        if comparison.present(libraries):
            report.remark(limit(comparison, libraries))
        report.verdicts += verdicts(comparison, libraries, least)
        report.panels.append(panel(comparison, among, f"{workload.name}: CPU per message, × {EPOLL.name}"))
    return report
