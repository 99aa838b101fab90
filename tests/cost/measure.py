#!/usr/bin/env python3
"""
What a message costs: instructions, allocations and system calls, counted and so the same in every run.

    measure.py FOLDER [RESULTS] [--only TEXT] [--where TEXT] [--set-bounds]

FOLDER has bin/cost and bin/cost_inside. RESULTS: a file to append 'PASSED FAILED' to.

A figure is a slope: (long block - short block) / (messages in one - messages in the other), so that what is done once
is not in it. What the counting itself costs is subtracted, window by window.

NAME-PORT-N: N connections, all ready in each turn, 64 bytes each; one thread is host and clients, and drives the
library turn by turn. The goals of an echo, 150 instructions by callbacks and 250 by batches, are for 100 ready
connections: they share the wait. With 1 each message has its own.
    hand-epoll   epoll_wait, recv and send by hand, for comparison
    callbacks    receive event -> callback -> send -> flush
    batches      receive event -> poll -> send -> flush by the next poll
    sends        16 sends in the callback; more-sends: what each but the first adds
    update       a message to each session, sent between two turns by the thread that drives;
                 sender: those calls of send, server: the turn after them
    foreign      the same, sent by a thread that does not drive
    look-up      iocpnet_session_get_user outside of a turn; handle-look-up: icn_handle_pin and icn_handle_unpin alone
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import bounds
import readings

BOUNDS = Path(__file__).with_name("bounds.txt")
PROGRAMS = ("cost", "cost_inside")
CALLGRIND = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--compress-strings=no", "--compress-pos=no"]
STRACE = ["strace", "-s", "100"]
# On every processor the C library takes the same memcpy and memset: those that each of them has.
SAME_EVERYWHERE = "glibc.cpu.hwcaps=" + ",".join(
    "-" + feature for feature in ("AVX512F", "AVX512VL", "AVX2", "AVX", "AVX_Fast_Unaligned_Load", "Prefer_No_VZEROUPPER",
                                  "ERMS", "FSRM", "Prefer_ERMS", "Prefer_FSRM", "SSSE3"))
SENDS_IN_A_CALLBACK = 16
WHERE_LINES = 15
LIMIT_S = 150


def run(command):
    """What a program prints; RuntimeError with the last that it said, unless it succeeds."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                          env=os.environ | {"GLIBC_TUNABLES": SAME_EVERYWHERE})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def difference(of_blocks, name):
    """What the long block of a case has more than the short one."""
    more = Counter(of_blocks[name + "/long"])
    more.subtract(of_blocks[name + "/short"])
    return more


def per_unit(counts, units):
    return Counter({what: number / units for what, number in counts.items()})


def more_sends(figures):
    """What one more send in the same callback costs, as cases more-sends-*."""
    found = {}
    for (name, what), figure in figures.items():
        alone = figures.get((name.replace("sends-", "callbacks-"), what))
        if name.startswith("sends-") and alone is not None:
            found["more-" + name, what] = (figure - alone) / (SENDS_IN_A_CALLBACK - 1)
    return found


class Findings:
    """By case: instructions of each function, system calls by name and allocations, all for one unit."""

    def __init__(self):
        self.instructions, self.system_calls, self.allocations, self.impossible = {}, {}, {}, set()

    def count_instructions(self, program, only, folder):
        printed = run([*CALLGRIND, f"--callgrind-out-file={folder}/dump", program, only])
        blocks, dumps = readings.blocks(printed), readings.dumps(folder)
        window = per_unit(difference(dumps, "window"), difference(blocks, "window")["windows"])
        for name in readings.cases(blocks):
            more, functions = difference(blocks, name), difference(dumps, name)
            for function, cost in window.items():
                functions[function] -= cost * more["windows"]
            self.instructions[name] = per_unit(functions, more["units"])
            self.allocations[name] = more["allocations"] / more["units"]
        self.impossible |= readings.impossible(printed)

    def count_system_calls(self, program, only, folder):
        printed = run([*STRACE, "-o", f"{folder}/trace", program, "--marks", only])
        blocks, traces = readings.blocks(printed), readings.trace((folder / "trace").read_text(encoding="utf-8"))
        for name in readings.cases(blocks):
            self.system_calls[name] = per_unit(difference(traces, name), difference(blocks, name)["units"])
        self.impossible |= readings.impossible(printed)

    def figures(self):
        """(case, what) and its number."""
        found = {(name, "instructions"): sum(functions.values()) for name, functions in self.instructions.items()}
        found |= {(name, "allocations"): number for name, number in self.allocations.items()}
        found |= {(name, "system calls"): sum(calls.values()) for name, calls in self.system_calls.items()}
        return found | more_sends(found)


def count(folder, only):
    findings = Findings()
    for program in PROGRAMS:
        for way in (findings.count_instructions, findings.count_system_calls):
            with tempfile.TemporaryDirectory() as scratch:
                way(folder / "bin" / program, only, Path(scratch))
    return findings


def print_table(table, figures):
    columns = "".join(f"{what:>14}{'bound':>8}{'goal':>8}" for what in bounds.COUNTED)
    print(f"{'for one of':24}{columns}")
    for name, limits in table.items():
        cells = [(figures.get((name, what)), limit.bound, limit.goal) for what, limit in limits.items()]
        print(f"{name:24}" + "".join(f"{a:>14}{b:>8}{c:>8}" for a, b, c in (map(bounds.shown, cell) for cell in cells)))


def print_where(findings):
    for name, functions in findings.instructions.items():
        ranked = functions.most_common()
        print(f"\n{name}: {sum(functions.values()):.1f} instructions, by function, without its callees:")
        for function, cost in ranked[:WHERE_LINES]:
            print(f"  {cost:8.1f}  {function}")
        print(f"  {sum(cost for _, cost in ranked[WHERE_LINES:]):8.1f}  {len(ranked[WHERE_LINES:])} others")
        calls = [f"{number:.3f} {call}" for call, number in findings.system_calls[name].most_common() if number]
        print(f"  system calls: {', '.join(calls) or 'none'}")


def judge(table, findings, results):
    """Says what is wrong, and counts it in a file of results, each case as one check. True when nothing is."""
    faults = bounds.wrong(table, findings.figures(), findings.impossible)
    for name in sorted(findings.impossible):
        print(f"not counted: {name} could not run, for want of its port, here or under the tool that counts")
    for fault in faults:
        print(f"FAILED: {fault}")
    failed = len({fault.partition(":")[0] for fault in faults})
    if results:
        with open(results, "a", encoding="utf-8") as file:
            file.write(f"{len(table.keys() - findings.impossible) - failed} {failed}\n")
    return not faults


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("results", nargs="?", metavar="RESULTS")
    parser.add_argument("--only", default="", metavar="TEXT", help="the case of this name, or all with it in theirs")
    parser.add_argument("--where", metavar="TEXT", help="likewise, and where the instructions go")
    parser.add_argument("--set-bounds", action="store_true", help="writes bounds.txt anew")
    options = parser.parse_args()
    only = options.where or options.only
    findings = count(options.folder, only)
    whole = bounds.parse(BOUNDS.read_text(encoding="utf-8"))
    if options.set_bounds:
        whole = bounds.renew(whole, findings.figures())
        BOUNDS.write_text(bounds.write(whole), encoding="utf-8")
    table = {only: whole[only]} if only in whole else {name: limits for name, limits in whole.items() if only in name}
    print_table(table, findings.figures())
    if options.where:
        print_where(findings)
    is_good = judge(table, findings, options.results)
    return 0 if is_good or options.results else 1


if __name__ == "__main__":
    sys.exit(main())
