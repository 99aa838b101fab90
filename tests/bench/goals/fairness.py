"""A session that floods, and a quiet one beside it."""

from contextlib import ExitStack

import noise
from comparison import percentile
from contestants import PORTS
from plots import Panel
from report import Report
from spread import quotients, spread
from tables import Table, microseconds, quartiles, ratio, whole
from verdict import at_most
from workload import Workload

NAME = "fairness"
TITLE = "a session that floods does not starve a quiet one"
ABOUT = """
A quiet session sends 1,000 messages of 64 bytes a second; its p99 is measured in turns without and with another
session of the same server that floods. The load that floods runs on the quiet one's CPU, but only while that has
nothing to do (SCHED_IDLE): it disturbs the server, not the measurement.
"""
QUIET = Workload("quiet", "open", 1, rate=1000)
FLOODS = (
    Workload("64 KiB, 16 deep", "closed", 1, 64 * 1024, depth=16),
    Workload("64 B, 1,000 deep", "closed", 1, depth=1000),
)
P99 = percentile("p99_us")
TIMES_MAX = 2.0
TOLERANCE = 0.25
FLOOD_MARGIN_MS = 100  # it starts before the quiet one is measured, and ends after
SMOKE_MARGIN_MS = 5


class Seat:
    def __init__(self, bench, contestant, flood, stack):
        self.bench = bench
        self.contestant = contestant
        server = stack.enter_context(bench.server(contestant, QUIET))
        self.quiet = stack.enter_context(bench.load(QUIET, server))
        self.flood = stack.enter_context(bench.load(flood, server, polite=True))
        self.alone, self.beside, self.flooded, self.foreign = [], [], [], []

    def measure(self):
        margin_ms = SMOKE_MARGIN_MS if self.bench.smoke else FLOOD_MARGIN_MS
        flood_ms = self.bench.slice_ms + 2 * margin_ms
        self.alone.append(self.p99_of_quiet())
        self.flood.start(flood_ms)
        self.quiet.run(margin_ms)
        self.beside.append(self.p99_of_quiet())
        figures = self.flood.figures(flood_ms)
        self.flooded.append(figures["bytes"] / figures["seconds"] / 2**20)

    def p99_of_quiet(self):
        before = noise.moment(self.bench.running)
        figures = self.quiet.run(self.bench.slice_ms)
        self.foreign.append(noise.foreign_share(before, noise.moment(self.bench.running)))
        return P99(figures)

    def disturbed_share(self):
        return sum(share > noise.FOREIGN_SHARE_MAX for share in self.foreign) / len(self.foreign)

    def times(self):
        return spread(quotients(self.beside, self.alone))

    def row(self):
        return [self.contestant.name, microseconds(spread(self.alone).median), microseconds(spread(self.beside).median),
                ratio(self.times()), quartiles(self.times()), whole(spread(self.flooded).median)]


def seats_measured(bench, flood):
    with ExitStack() as stack:
        seats = [Seat(bench, each, flood, stack) for each in bench.contestants()]
        for _ in range(bench.rounds):
            for seat in bench.chance.sample(seats, len(seats)):
                seat.measure()
        return seats


def measure(bench):
    report = Report()
    head = ["server", "p99 µs alone", "beside a flood", "with / without", "quartiles", "flood MiB/s"]
    for flood in bench.chosen(FLOODS):
        seats = seats_measured(bench, flood)
        report.add(Table(f"Flood of {flood.name}", head, [seat.row() for seat in seats]))
        report.verdicts += [at_most(f"flood of {flood.name}: p99 of {seat.contestant.name}, with / without",
                                    seat.times(), TIMES_MAX, TOLERANCE, seat.disturbed_share())
                            for seat in seats if seat.contestant in PORTS]
        shares = [seat.disturbed_share() for seat in seats]
        report.remark(f"Flood of {flood.name}: foreign load in {100 * sum(shares) / len(shares):.0f} % of the slices.")
        report.panels.append(Panel(f"Flood of {flood.name}: p99 with / without",
                                   [(seat.contestant.name, seat.times()) for seat in seats], at=TIMES_MAX))
    return report
