"""What several measurements of one thing say: their median, and how far it may be off."""

import math
import statistics
from typing import NamedTuple

NOTCH = 1.57  # median +- NOTCH * (quartile range) / sqrt(n): about 95 % sure (McGill, Tukey, Larsen 1978)


class Spread(NamedTuple):
    low: float  # the lower quartile
    median: float
    high: float
    count: int

    @property
    def error(self):
        """Half the width of the range in which the median of very many measurements would be, 95 % sure."""
        return NOTCH * (self.high - self.low) / math.sqrt(self.count)


def spread(values):
    values = list(values)
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high, len(values))


def quotients(above, below):
    return [a / b for a, b in zip(above, below)]
