"""Servers and loads as processes: they print 'ready', obey their standard input, and end when it ends."""

import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from pathlib import Path

READY_SECONDS = 60
END_SECONDS = 30
ANSWER_SECONDS = 60  # more than what was asked for
CPU_CLOCK_OF_PROCESS = 2  # how Linux makes a clock of a process id


class ProgramFailed(Exception):
    """A program ended, kept silent or said something else; what it wrote to its standard error is in the text."""


def yield_to_others():
    """Runs only where nobody else wants to: in a child, before its program starts."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Program:
    def __init__(self, command, polite=False):
        self.command = [str(word) for word in command]
        self.errors = tempfile.TemporaryFile()
        self.text = b""
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.errors, preexec_fn=yield_to_others if polite else None)
        except OSError as error:
            raise ProgramFailed(f"{self.command[0]}: {error}") from error
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.end(quietly=kind is not None)

    @property
    def pid(self):
        return self.process.pid

    def failure(self, what):
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()[-2000:]
        name = " ".join([Path(self.command[0]).name, *self.command[1:]])
        return ProgramFailed(f"{name}: {what}" + (f"\n{said}" if said else ""))

    def line(self, seconds):
        """The next line that it prints."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.text:
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise self.failure(f"said nothing for {seconds} s")
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                raise self.failure(f"ended with {self.ended()}")
            self.text += read
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def say(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self.failure(f"ended with {self.ended()}") from error

    def ended(self):
        """The exit code; a program that is still there after a while is killed."""
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            return self.process.wait()

    def end(self, quietly=False):
        """Its input ends, and so does it."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.ended()
        self.selector.close()
        self.process.stdout.close()
        if code != 0 and not quietly:
            raise self.failure(f"ended with {code}")
        self.errors.close()

    def cpu_seconds(self):
        """CPU time of all its threads; 0 after its end."""
        try:
            return time.clock_gettime((~self.pid << 3) | CPU_CLOCK_OF_PROCESS)
        except OSError:
            return 0.0

    def resident_bytes(self):
        """Memory that it has touched, counted by walking its pages: VmRSS may lag behind by some hundred KiB."""
        for name, entry in (("smaps_rollup", "Rss"), ("status", "VmRSS")):
            try:
                text = Path(f"/proc/{self.pid}/{name}").read_text(encoding="ascii")
            except OSError:
                continue
            return int(re.search(rf"^{entry}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024
        raise self.failure("its memory cannot be read")


class Server(Program):
    def __init__(self, command):
        super().__init__(command)
        answer = self.line(READY_SECONDS)
        found = re.fullmatch(r"ready (\d+)", answer)
        if not found:
            raise self.failure(f"said '{answer}' instead of 'ready PORT'")
        self.port = int(found[1])


class Load(Program):
    """Connected when it is made."""

    def __init__(self, command, polite=False):
        super().__init__(command, polite)
        answer = self.line(READY_SECONDS)
        if answer != "ready":
            raise self.failure(f"said '{answer}' instead of 'ready'")

    def start(self, milliseconds):
        self.say(f"run {milliseconds}")

    def figures(self, milliseconds):
        """What it measured in a run that was started."""
        line = self.line(ANSWER_SECONDS + milliseconds / 1000)
        try:
            figures = json.loads(line)
        except ValueError as error:
            raise self.failure(f"said '{line}'") from error
        if figures.get("errors"):
            raise self.failure(f"counted {figures['errors']} errors")
        return figures

    def run(self, milliseconds):
        self.start(milliseconds)
        return self.figures(milliseconds)
