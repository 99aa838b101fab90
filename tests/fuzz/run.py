#!/usr/bin/env python3
"""
Runs the fuzz targets: first each input of the corpus, then new ones for a while. Part of tests/run, suite `fuzz`.
The corpus of a target is corpus/TARGET.txt, an input a line in hexadecimal digits.

  tests/fuzz/run.py BINARIES RESULTS            appends lines 'PASSED FAILED', a case for the corpus and one for the run
  tests/fuzz/run.py BINARIES --grow SECONDS     adds what was found to the corpus in the tree, as little as covers the same

ICN_FUZZ_SECONDS: for each target, 12 without it. ICN_FUZZ_TARGETS: names, all without it. ICN_TEST_SEED: of the run.
An input that fails is kept in BINARIES/../fuzz-failures; `BINARIES/fuzz_TARGET FILE` repeats it.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
INPUT_BYTES_MAX = {"simulation": 1000}
INPUT_BYTES_MAX_USUAL = 600
INPUT_SECONDS_MAX = 25
CORPUS_BYTES_MAX = 4096


def targets():
    wanted = os.environ.get("ICN_FUZZ_TARGETS", "").split()
    names = sorted(source.name[:-len("_fuzz.cpp")] for source in HERE.glob("*_fuzz.cpp"))
    return [name for name in names if not wanted or name in wanted]


class Target:
    def __init__(self, name, binaries):
        self.name = name
        self.binary = Path(binaries).resolve() / f"fuzz_{name}"
        self.corpus = HERE / "corpus" / f"{name}.txt"
        self.failures = Path(binaries).resolve().parent / "fuzz-failures" / name
        self.failures.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        bytes_max = INPUT_BYTES_MAX.get(self.name, INPUT_BYTES_MAX_USUAL)
        command = [str(self.binary), f"-timeout={INPUT_SECONDS_MAX}", f"-max_len={bytes_max}",
                   f"-artifact_prefix={self.failures}/", *arguments]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", check=False)
        except OSError as error:
            return False, str(error)
        return done.returncode == 0, done.stdout

    def unpack(self, folder):
        """Writes the corpus to a folder, an input a file; returns the files."""
        lines = self.corpus.read_text(encoding="ascii").split("\n")[:-1] if self.corpus.exists() else []
        files = []
        for number, line in enumerate(lines):
            files.append(Path(folder) / f"{number:04}")
            files[-1].write_bytes(bytes.fromhex(line))
        return files

    def pack(self, folder):
        inputs = sorted((each.read_bytes() for each in Path(folder).iterdir()), key=lambda each: (len(each), each))
        self.corpus.parent.mkdir(exist_ok=True)
        self.corpus.write_text("".join(each.hex() + "\n" for each in inputs), encoding="ascii")
        return inputs

    def replay(self, corpus):
        """Every input of the corpus by itself; without one there is nothing to pass."""
        inputs = self.unpack(corpus)
        passed, output = self.call(*map(str, inputs))
        return passed and bool(inputs), f"{len(inputs)} inputs of the corpus", output

    def search(self, seconds, found, corpus):
        seed = int(os.environ.get("ICN_TEST_SEED", "1")) % 2**32 or 1
        passed, output = self.call(f"-max_total_time={seconds}", f"-seed={seed}", str(found), str(corpus))
        numbers = re.findall(r"^#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+)", output, re.MULTILINE)
        figures = "%s new inputs, %s edges, %s features" % numbers[-1] if numbers else "no end"
        return passed, f"{figures}, seed {seed}", output

    def test(self, seconds):
        """Lines to print, and whether the corpus and the search passed."""
        lines = []
        verdicts = []
        with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryDirectory() as found:
            for part in (lambda: self.replay(corpus), lambda: self.search(seconds, found, corpus)):
                passed, figures, output = part()
                verdicts.append(passed)
                lines.append(f"-- fuzz {self.name}: {figures}: {'passed' if passed else 'FAILED'}")
                lines += [] if passed else output.splitlines()[-60:]
        return lines, verdicts

    def merge(self, merged, *folders):
        """As few inputs as reach the same branches equally often; just the same branches when those are too many."""
        self.call("-merge=1", merged, *folders)
        if sum(each.stat().st_size for each in Path(merged).iterdir()) > CORPUS_BYTES_MAX:
            for each in Path(merged).iterdir():
                each.unlink()
            self.call("-merge=1", "-use_counters=0", merged, *folders)

    def grow(self, seconds):
        """Adds what a search finds."""
        with tempfile.TemporaryDirectory() as corpus, tempfile.TemporaryDirectory() as found, \
                tempfile.TemporaryDirectory() as merged:
            self.unpack(corpus)
            passed, figures, output = self.search(seconds, found, corpus)
            self.merge(merged, corpus, found)
            inputs = self.pack(merged)
        lines = [f"-- fuzz {self.name}: {figures}; corpus {len(inputs)} inputs, {sum(map(len, inputs))} bytes"]
        return lines + ([] if passed else output.splitlines()[-60:]), [passed]


def main():
    binaries, *rest = sys.argv[1:]
    growing = rest[0] == "--grow"
    seconds = int(rest[1]) if growing else int(os.environ.get("ICN_FUZZ_SECONDS", "12"))
    everything = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        calls = [Target(name, binaries).grow if growing else Target(name, binaries).test for name in targets()]
        for lines, verdicts in pool.map(lambda call: call(seconds), calls):
            print("\n".join(lines), flush=True)
            everything += verdicts
    print(f"-- fuzz: {sum(everything)} passed, {len(everything) - sum(everything)} failed")
    if not growing:
        with open(rest[0], "a", encoding="utf-8") as results:
            results.write(f"{sum(everything)} {len(everything) - sum(everything)}\n")


main()
