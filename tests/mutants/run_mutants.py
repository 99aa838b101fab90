#!/usr/bin/env python3
"""
Build the simulator with each planted bug of mutants.py, and see that it finds it: run_mutants.py BUILD-FOLDER RESULTS [NAME-PART].
Make the choices of a regression again, when the simulated world has changed: run_mutants.py BUILD-FOLDER --record NAME.

Each bug has to be found from each of three base seeds, within a minute. Prints by which invariant, and after how long. Each
regression of tests/sim has to be found with its own bug planted again.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutants

ROOT = Path(__file__).resolve().parents[2]
BASE_SEEDS = (1_000_000, 2_000_000, 3_000_000)
LIMIT_SECONDS = 120
RECORD_SECONDS = 900
RECORD_SEED = 7_000_001
LIFE_CYCLES = 100_000_000  # more than a minute's
CONTROL_LIFE_CYCLES = 200_000
REGRESSIONS = ROOT / "tests" / "sim" / "regressions"
VIOLATION = re.compile(r"^violation: ([^:]+):", re.MULTILINE)


class Build:
    """The commands by which a build folder compiles the simulated library and links the simulator."""

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.compile_commands = {}
        for entry in json.loads((self.folder / "compile_commands.json").read_text(encoding="utf-8")):
            if "iocpnet_simulated.dir" in entry["command"]:
                self.compile_commands[entry["file"]] = shlex.split(entry["command"])
        listed = subprocess.run(["ninja", "-C", self.folder, "-t", "commands", "bin/simulate"], check=True, text=True,
                                stdout=subprocess.PIPE).stdout.splitlines()
        link = next(line for line in reversed(listed) if "-o bin/simulate " in line)
        self.link_command = link.removeprefix(": && ").removesuffix(" && :")

    def compile(self, source, replaced, target):
        command = list(self.compile_commands[str(replaced)])
        command[command.index(str(replaced))] = str(source)
        command[command.index("-o") + 1] = str(target)
        run(command + ["-Wno-error", "-w"], self.folder)

    def link(self, changed_object, program):
        """The changed object comes first: what it defines is not taken from the library any more."""
        words = shlex.split(self.link_command)
        words[words.index("bin/simulate")] = str(program)
        library = next(i for i, word in enumerate(words) if word.endswith("libiocpnet_simulated.a"))
        run(words[:library] + [str(changed_object)] + words[library:], self.folder)


def run(command, folder):
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stdout}")


def changed_text(mutant):
    text = (ROOT / "impl" / mutant.file).read_text(encoding="utf-8")
    for before, after in mutant.changes:
        if text.count(before) != 1:
            raise RuntimeError(f"{mutant.name}: found {text.count(before)} times in {mutant.file}: {before!r}")
        text = text.replace(before, after)
    return text


def make(build, mutant):
    """The simulator with this bug."""
    folder = build.folder / "mutants" / re.sub(r"\W+", "-", mutant.name)
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / Path(mutant.file).name
    source.write_text(changed_text(mutant), encoding="utf-8")
    build.compile(source, ROOT / "impl" / mutant.file, folder / "changed.o")
    build.link(folder / "changed.o", folder / "simulate")
    return folder / "simulate"


def hunt(program, seed, life_cycles=LIFE_CYCLES):
    """The invariant by which the bug was found from a seed on, and the seconds it took. None: it was not found."""
    started = time.monotonic()
    command = [str(program), "--seed", str(seed), "--life-cycles", str(life_cycles), "--jobs", "1", "--no-shrink"]
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, errors="replace", timeout=LIMIT_SECONDS, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None, LIMIT_SECONDS
    found = VIOLATION.search(done.stdout)
    return found.group(1) if found and done.returncode != 0 else None, time.monotonic() - started


def judge(build, mutant):
    """True when the bug was found from every base seed; prints a line."""
    try:
        program = make(build, mutant)
        finds = [hunt(program, seed) for seed in BASE_SEEDS]
        program.unlink()
    except RuntimeError as error:
        print(f"FAILED  {mutant.name}: {error}", flush=True)
        return False
    passed = all(invariant for invariant, _ in finds)
    by = ", ".join(f"{invariant or 'NOT FOUND'} {seconds:.1f} s" for invariant, seconds in finds)
    print(f"{'found ' if passed else 'FAILED'}  {mutant.name}: {by}", flush=True)
    return passed


def control(build):
    """True when nothing is found without a planted bug: else the bugs may not be what was found."""
    finds = [hunt(build.folder / "bin" / "simulate", seed, CONTROL_LIFE_CYCLES)[0] for seed in BASE_SEEDS]
    passed = not any(finds)
    print(f"{'none  ' if passed else 'FAILED'}  without a planted bug: {', '.join(map(str, finds))}", flush=True)
    return passed


def regressions(part):
    return {path.stem for path in REGRESSIONS.glob("*.choices")} | set(mutants.REVERSED) if part in "regression" else set()


def replay(build, name):
    """True when the recorded choices break an invariant with the bug that they once found; prints a line."""
    mutant = mutants.REVERSED.get(name)
    if mutant is None:
        print(f"FAILED  regression {name}: its bug is not in mutants.REVERSED", flush=True)
        return False
    command = [str(make(build, mutant)), "--replay", str(REGRESSIONS / f"{name}.choices"), "--no-shrink"]
    done = subprocess.run(command, cwd=ROOT, text=True, errors="replace", timeout=LIMIT_SECONDS, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = VIOLATION.search(done.stdout)
    print(f"{'found ' if found else 'FAILED'}  regression {name}: {mutant.name}: "
          f"{found.group(1) if found else 'not found any more'}", flush=True)
    return found is not None


def record(build, name):
    """Looks for choices that break an invariant with the bug of this regression, and none without it; keeps them."""
    path = REGRESSIONS / f"{name}.choices"
    simulate = make(build, mutants.REVERSED[name])
    subprocess.run([str(simulate), "--seed", str(RECORD_SEED), "--life-cycles", str(LIFE_CYCLES), "--jobs", "2",
                    "--output", str(path)], cwd=ROOT, timeout=RECORD_SECONDS, check=False)
    harmless = subprocess.run([str(build.folder / "bin" / "simulate"), "--replay", str(path), "--no-shrink"], cwd=ROOT,
                              check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return harmless and replay(build, name)


def main():
    build = Build(sys.argv[1])
    if sys.argv[2] == "--record":
        sys.exit(0 if record(build, sys.argv[3]) else 1)
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    chosen = [mutant for mutant in mutants.ALL if part in mutant.name]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        controlled = pool.submit(control, build)
        verdicts = list(pool.map(lambda mutant: judge(build, mutant), chosen))
        replays = list(pool.map(lambda name: replay(build, name), sorted(regressions(part))))
    print(f"planted bugs: {sum(verdicts)} of {len(verdicts)} found, each from {len(BASE_SEEDS)} base seeds")
    verdicts += [controlled.result(), *replays]
    passed = sum(verdicts)
    with open(sys.argv[2], "a", encoding="utf-8") as results:
        results.write(f"{passed} {len(verdicts) - passed}\n")


if __name__ == "__main__":
    main()
