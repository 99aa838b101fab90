"""Goals of the kind 'so many times less CPU than those libraries'."""

from comparison import compare
from contestants import EPOLL, PORTS
from report import Report
from summary import noise, panel, table
from verdict import at_least


def verdicts(comparison, libraries, least):
    port = comparison.best(PORTS)
    return [at_least(f"{comparison.workload.name}: CPU of {library.name} / {port.name}",
                     comparison.ratio(library.key, port.key), least, disturbed_share=comparison.disturbed_share())
            for library in comparison.present(libraries) if port]


def measure(bench, workloads, libraries, least):
    report, among = Report(), bench.contestants()
    for workload in bench.chosen(workloads):
        comparison = compare(bench, workload, among)
        report.add(table(comparison, among))
        report.remark(noise(comparison))
        report.verdicts += verdicts(comparison, libraries, least)
        report.panels.append(panel(comparison, among, f"{workload.name}: CPU per message, × {EPOLL.name}"))
    return report
