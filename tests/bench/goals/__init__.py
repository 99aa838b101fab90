"""The goals: each module has NAME, TITLE, ABOUT and measure(bench), which returns a report."""

from goals import (connections, dispatchers, echo, fairness, fanout, idle, latency, scaling, spin, tick)

ALL = (echo, latency, fanout, tick, idle, scaling, fairness, connections, dispatchers, spin)


def named(names):
    """Those of some names, all without one."""
    by_name = {goal.NAME: goal for goal in ALL}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(f"unknown goal: {', '.join(unknown)}; tests/run bench --list names them")
    return [by_name[name] for name in names] or list(ALL)
