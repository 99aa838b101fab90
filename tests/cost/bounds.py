"""The table of bounds: one line a case, and for each thing that is counted BOUND/GOAL, '-' for none."""

import math
from dataclasses import dataclass

COUNTED = ("instructions", "allocations", "system calls")
SLACK = 1.03  # of instructions: compilers differ a little
HEAD = """\
# What one message (send, look-up, re-arm) may cost: BOUND/GOAL. The suite fails above the bound; '-' is for none.
# measure.py --set-bounds writes the bounds anew: instructions 3 % above what is counted, but never above a goal that is
# reached; allocations and system calls as they are. NAME-PORT-N: N connections, all of them ready in each turn.
"""


@dataclass
class Limit:
    bound: float = None
    goal: float = None


def number(text):
    return None if text == "-" else float(text)


def parse(text):
    """The limits of each case."""
    table = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, *cells = line.split()
            limits = [Limit(*map(number, cell.split("/"))) for cell in cells]
            table[name] = dict(zip(COUNTED, limits, strict=True))
    return table


def shown(value):
    return "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def write(table):
    lines = [f"{'# case':24}" + "".join(f"{what:>16}" for what in COUNTED)]
    for name, limits in table.items():
        cells = [f"{shown(limits[what].bound)}/{shown(limits[what].goal)}" for what in COUNTED]
        lines.append(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells))
    return HEAD + "\n".join(lines) + "\n"


def rounded_up(what, figure):
    """Instructions to whole ones; what is small, to a hundredth."""
    step = 1 if what == "instructions" else 100
    return math.ceil(round(figure * step, 6)) / step


def is_above(figure, limit):
    return limit is not None and figure > limit + 1e-9


def bound_for(what, figure, goal):
    bound = rounded_up(what, figure * SLACK if what == "instructions" else figure)
    return goal if goal is not None and is_above(bound, goal) and not is_above(figure, goal) else bound


def renew(table, figures):
    """The table with new bounds, where there was one."""
    for name, limits in table.items():
        for what, limit in limits.items():
            if limit.bound is not None and (name, what) in figures:
                limit.bound = bound_for(what, figures[name, what], limit.goal)
    return table


def wrong(table, figures, impossible=()):
    """What does not keep to the table, one line each. A case that is impossible here has no figures."""
    found = [f"{name}: not in the table of bounds" for name in {name for name, _ in figures} - table.keys()]
    for name, limits in table.items():
        if name in impossible:
            continue
        for what, limit in limits.items():
            figure = figures.get((name, what))
            if figure is None:
                found.append(f"{name}: no {what} were counted")
            elif is_above(figure, limit.bound):
                found.append(f"{name}: {shown(figure)} {what}, the bound is {shown(limit.bound)}")
    return sorted(found)
