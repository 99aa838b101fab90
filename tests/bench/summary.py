"""The table of a comparison: a server a line."""

from comparison import cpu_ns, percentile, rate
from plots import Panel
from tables import Table, microseconds, percent, quartiles, ratio, whole

HEAD = ["server", "CPU ns/message", "spread", "× epoll", "quartiles", "p50 µs", "p99 µs", "p99.9 µs", "messages/s"]


def row(comparison, contestant):
    cpu = comparison.spread(contestant.key, cpu_ns)
    against = comparison.ratio(contestant.key)
    latencies = [comparison.spread(contestant.key, percentile(name)).median for name in ("p50_us", "p99_us", "p999_us")]
    return [contestant.name, whole(cpu.median), percent(cpu), ratio(against), quartiles(against),
            *map(microseconds, latencies), whole(comparison.spread(contestant.key, rate).median)]


def table(comparison, among, title=None):
    return Table(title or comparison.workload.name, HEAD, [row(comparison, each) for each in among])


def panel(comparison, among, title):
    return Panel(title, [(each.name, comparison.ratio(each.key)) for each in among])


def noise(comparison):
    """How far the figures can be trusted, in a sentence."""
    itself = comparison.noise()
    text = f"{comparison.workload.name}: hand-written epoll against itself {quartiles(itself)}; foreign load in " \
           f"{comparison.disturbed()} of {len(comparison.slices)} slices"
    if comparison.saturated():
        text += f"; the load was the bottleneck in {comparison.saturated()}"
    return text

