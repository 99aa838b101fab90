"""Foreign load: CPU time that went to nobody of ours while something was measured."""

import os
import time
from pathlib import Path
from typing import NamedTuple

FOREIGN_SHARE_MAX = 0.05  # of one CPU


class Moment(NamedTuple):
    seconds: float
    busy: float  # CPU seconds of all CPUs, by samples at the clock tick, stolen ones included
    idle: float
    own: float


def cpu_times():
    """Seconds that all CPUs were busy, and idle. User time contains that of guests."""
    line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    user, nice, system, idle, waiting, irq, softirq, stolen = map(int, line.split()[1:9])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq + stolen) / ticks, (idle + waiting) / ticks


def moment(programs):
    own = time.process_time() + sum(program.cpu_seconds() for program in programs)
    return Moment(time.monotonic(), *cpu_times(), own)


def foreign_share(before, after, cpus=None):
    """
    Of one CPU. Both ways to find it err: samples by chance, and what is not idle holds the switches to and from idling.
    The smaller is the better guess.
    """
    elapsed = after.seconds - before.seconds
    own = after.own - before.own
    by_samples = (after.busy - before.busy) - own
    by_idleness = elapsed * (cpus or os.cpu_count()) - (after.idle - before.idle) - own
    return max(0.0, min(by_samples, by_idleness)) / elapsed
