"""
Slices: all servers of a workload are up, and one after the other gets its load for less than a second. The reference,
hand-written epoll, has a slice again after every second one; each slice is compared with the two of the reference
around it, for the machine's speed drifts. A slice with foreign load is repeated.
"""

import statistics
from contextlib import ExitStack
from dataclasses import dataclass

import contestants
import noise
from program import ProgramFailed

REPEATS_MAX = 3
PATIENT_MS = 3000


@dataclass
class Slice:
    key: str
    round: int
    figures: dict
    foreign: float  # share of a CPU

    @property
    def disturbed(self):
        return self.foreign > noise.FOREIGN_SHARE_MAX


class Seat:
    """A contestant's server, and its load while it is connected."""

    def __init__(self, bench, workload, contestant, stack):
        self.bench = bench
        self.workload = workload
        self.key = contestant.key
        self.server = stack.enter_context(bench.server(contestant, workload))
        self.load = None
        if not workload.connects_per_slice:
            self.load = stack.enter_context(bench.load(workload, self.server))

    def slice(self, number):
        if self.load:
            return self.undisturbed(number, self.load)
        with self.bench.load(self.workload, self.server) as load:
            return self.undisturbed(number, load)

    def undisturbed(self, number, load):
        """The least disturbed of some tries."""
        tries = []
        while not tries or (tries[-1].disturbed and len(tries) <= REPEATS_MAX and not self.bench.smoke):
            tries.append(self.once(number, load))
        return min(tries, key=lambda each: each.foreign)

    def once(self, number, load):
        load.run(max(self.bench.warm_ms, 2 * self.workload.period_ms))
        before = noise.moment(self.bench.running)
        figures = load.run(max(self.bench.slice_ms, 4 * self.workload.period_ms))
        if figures["messages"] <= 0:
            figures = self.at_last(load)
        foreign = noise.foreign_share(before, noise.moment(self.bench.running))
        return Slice(self.key, number, figures, foreign)

    def at_last(self, load):
        """A short slice of a slow load on a busy machine may be over before anything arrived."""
        figures = load.run(PATIENT_MS)
        if figures["messages"] <= 0:
            raise ProgramFailed(f"{self.key}, {self.workload.name}: no message in {PATIENT_MS} ms")
        return figures


def turns(keys, shuffled):
    """The order of a round: pairs by chance, but a port beside the hand-written server that it is held against."""
    rest = [key for key in keys if key != contestants.EPOLL.key]
    together = [key for key in (contestants.URING.key, contestants.IOCPNET_URING.key) if key in rest]
    rest = [key for key in rest if key not in together] if len(together) == 2 else rest
    shuffled(rest)
    pairs = [rest[i:i + 2] for i in range(0, len(rest), 2)] + ([together] if len(together) == 2 else [])
    shuffled(pairs)
    order = []
    for pair in pairs:
        shuffled(pair)
        order += [contestants.EPOLL.key, *pair]
    return order or [contestants.EPOLL.key]


def sequence(keys, rounds, shuffled):
    """(round, key) of each slice: those of the reference are first, last and around each pair."""
    order = [(number, key) for number in range(rounds) for key in turns(keys, shuffled)]
    return order + [(rounds, contestants.EPOLL.key)]


def measured(bench, workload, among):
    """All slices of a workload, in the order in which they were taken."""
    with ExitStack() as stack:
        seats = {each.key: Seat(bench, workload, each, stack) for each in among}
        return [seats[key].slice(number) for number, key in sequence(seats, bench.rounds, bench.chance.shuffle)]


def around(slices, place):
    """The nearest slices of the reference, before and after."""
    is_reference = [each.key == contestants.EPOLL.key for each in slices]
    before = next((i for i in range(place - 1, -1, -1) if is_reference[i]), None)
    after = next((i for i in range(place + 1, len(slices)) if is_reference[i]), None)
    return [slices[i] for i in (before, after) if i is not None]


def relative(slices, measure):
    """By key and round: a slice's measure over the mean of the reference's around it."""
    found = {}
    for place, each in enumerate(slices):
        neighbours = around(slices, place)
        if neighbours:
            mean = statistics.fmean(measure(near.figures) for near in neighbours)
            found.setdefault(each.key, {}).setdefault(each.round, []).append(measure(each.figures) / mean)
    return {key: {number: statistics.fmean(values) for number, values in by_round.items()}
            for key, by_round in found.items()}
