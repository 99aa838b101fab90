#!/usr/bin/env python3
"""
The bench: goals of docs/performance.md, measured. Part of tests/run, suite `bench`; says by a non-zero exit code that a
program failed, never that a figure is bad.

  tests/run bench [GOAL...] [OPTION...]     all goals without a name; tests/run bench --list names them
"""

import argparse
import os
import random
import resource
import sys
from pathlib import Path

import goals
import machine
import report
from bench import Bench
from program import ProgramFailed

DOCS = Path(__file__).resolve().parents[2] / "docs" / "performance"
USUAL = {"rounds": 9, "slice_ms": 600, "warm_ms": 40}
QUICK = {"rounds": 3, "slice_ms": 300, "warm_ms": 20}
SMOKE = {"rounds": 1, "slice_ms": 10, "warm_ms": 2}


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/run bench", description="Measures the goals, all without a name.")
    parser.add_argument("goals", nargs="*", metavar="GOAL", help="names of goals, see --list")
    parser.add_argument("--list", action="store_true", help="names the goals")
    parser.add_argument("--rounds", type=int, help=f"slices of each server, {USUAL['rounds']} without it")
    parser.add_argument("--slice-ms", type=int, help=f"length of a slice, {USUAL['slice_ms']} without it")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK['rounds']} rounds of {QUICK['slice_ms']} ms")
    parser.add_argument("--smoke", action="store_true", help="as little as shows that it works: judges nothing")
    parser.add_argument("--servers", default="", metavar="A,B", help="only these beside hand-written epoll")
    parser.add_argument("--workloads", default="", metavar="A,B", help="only those whose names, without blanks, contain one of these")
    parser.add_argument("--write", nargs="?", const="", metavar="NAME",
                        help="writes docs/performance/GOAL.md and .svg, in a folder NAME if there is one")
    parser.add_argument("--programs", type=Path, default=Path("build/bench/bin"), help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def words(text):
    return tuple(filter(None, text.split(",")))


def bench_of(options):
    seed = int(os.environ.get("ICN_TEST_SEED", "1"))
    times = dict(SMOKE if options.smoke else QUICK if options.quick else USUAL)
    times.update({name: getattr(options, name) for name in ("rounds", "slice_ms") if getattr(options, name)})
    return Bench(folder=options.programs.resolve(), smoke=options.smoke, servers=words(options.servers),
                 workloads=words(options.workloads), chance=random.Random(seed), **times)


def allow_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def run_goal(goal, bench):
    """Its report; None if a program failed."""
    print(f"== {goal.NAME}: {goal.TITLE}\n", flush=True)
    try:
        found = goal.measure(bench)
    except ProgramFailed as error:
        print(f"FAILED {goal.NAME}: {error}\n", flush=True)
        return None
    for verdict in found.verdicts if not bench.smoke else []:
        print(verdict.line())
    print(flush=True)
    return found


def measure(options, wanted):
    """How many goals could be measured, and how many not."""
    bench = bench_of(options)
    done = 0
    for goal in wanted:
        found = run_goal(goal, bench)
        done += found is not None
        if found and options.write is not None:
            command = f"tests/run bench {goal.NAME} --rounds {bench.rounds} --slice-ms {bench.slice_ms}"
            report.write(DOCS / options.write, goal, found, machine.facts(bench.folder, bench), command)
            report.write_index(DOCS)
    return done, len(wanted) - done


def run(options):
    """The exit code. What could not be measured is in the results, where there are any."""
    if options.list:
        print("\n".join(f"{goal.NAME:12} {goal.TITLE}" for goal in goals.ALL))
        return 0
    try:
        wanted = goals.named(options.goals)
        bench_of(options).contestants()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    allow_descriptors()
    passed, failed = measure(options, wanted)
    print(f"-- bench: {passed} goals measured, {failed} failed")
    if options.results:
        with open(options.results, "a", encoding="utf-8") as results:
            results.write(f"{passed} {failed}\n")
        return 0
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:])))
