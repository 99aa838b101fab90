"""A workload's slices, and what they say about each server."""

import slices
from contestants import EPOLL
from spread import spread


def cpu_ns(figures):
    return figures["server_cpu_ns"] / figures["messages"]


def percentile(name):
    """Never 0: a quotient is made of it."""
    return lambda figures: max(figures[name], 0.001)


def rate(figures):
    return figures["messages"] / figures["seconds"]


class Comparison:
    def __init__(self, workload, taken):
        self.workload = workload
        self.slices = taken

    def present(self, among):
        keys = {each.key for each in self.slices}
        return [each for each in among if each.key in keys]

    def best(self, among):
        """The one with the least CPU per message, of those that took part; None without one."""
        return min(self.present(among), key=lambda each: self.ratio(each.key).median, default=None)

    def values(self, key, measure):
        return [measure(each.figures) for each in self.slices if each.key == key]

    def spread(self, key, measure):
        return spread(self.values(key, measure))

    def ratios(self, key, to=EPOLL.key, measure=cpu_ns):
        """One for each round. To another than the reference: both by the reference, which takes the drift away."""
        by_key = slices.relative(self.slices, measure)
        if to == EPOLL.key:
            return list(by_key[key].values())
        rounds = sorted(set(by_key[key]) & set(by_key[to]))
        return [by_key[key][number] / by_key[to][number] for number in rounds]

    def ratio(self, key, to=EPOLL.key, measure=cpu_ns):
        return spread(self.ratios(key, to, measure))

    def noise(self, measure=cpu_ns):
        """The reference against itself."""
        return self.ratio(EPOLL.key, measure=measure)

    def disturbed(self):
        return sum(each.disturbed for each in self.slices)

    def disturbed_share(self):
        return self.disturbed() / len(self.slices)

    def saturated(self):
        return sum(bool(each.figures.get("saturated")) for each in self.slices)


def compare(bench, workload, among):
    return Comparison(workload, slices.measured(bench, workload, among))
