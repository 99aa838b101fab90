"""How programs are run, with ones that only seem to be servers and loads."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import contestants
import goals
import program
import run
from bench import Bench
from slices import measured
from workload import Workload

SERVER = """#!/bin/sh
echo ready 5
while read line; do :; done
"""
LOAD = """#!/bin/sh
echo ready
while read line; do
    echo '{figures}'
done
"""
FIGURES = {"messages": 1000, "bytes": 64000, "seconds": 0.1, "server_cpu_ns": 6400000, "errors": 0, "saturated": False,
           "p50_us": 20.0, "p99_us": 30.0, "p999_us": 40.0}
WORKLOAD = Workload("some", "closed", 10)


class Folder(unittest.TestCase):
    """A folder of programs, all in order at first."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for each in contestants.ALL:
            self.place(each.program, SERVER)
        self.load_says(FIGURES)
        self.bench = Bench(self.folder, rounds=1, slice_ms=1, smoke=True)

    def place(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700)
        return path

    def load_says(self, figures):
        self.place("bench_load", LOAD.format(figures=json.dumps(figures)))

    def measure(self, *among):
        return measured(self.bench, WORKLOAD, among)


class Programs(Folder):
    def test_a_slice_has_the_figures_of_the_load(self):
        found = self.measure(contestants.EPOLL, contestants.UV)
        self.assertEqual([each.key for each in found], ["epoll", "uv", "epoll"])
        self.assertEqual(found[1].figures, FIGURES)

    def test_failure_has_what_the_program_said(self):
        self.place("server_uv", "#!/bin/sh\necho no port is free >&2\nexit 3\n")
        with self.assertRaisesRegex(program.ProgramFailed, "(?s)ended with 3.*no port is free"):
            self.measure(contestants.EPOLL, contestants.UV)

    def test_a_program_that_is_not_there_is_named(self):
        (self.folder / "server_uv").unlink()
        with self.assertRaisesRegex(program.ProgramFailed, "server_uv"):
            self.measure(contestants.EPOLL, contestants.UV)

    def test_a_server_that_fails_at_its_end_has_failed(self):
        self.place("server_uv", SERVER + "exit 4\n")
        with self.assertRaisesRegex(program.ProgramFailed, "ended with 4"):
            self.measure(contestants.EPOLL, contestants.UV)

    def test_another_first_line_than_ready_fails(self):
        path = self.place("odd", "#!/bin/sh\necho hello\n")
        with self.assertRaisesRegex(program.ProgramFailed, "'hello' instead of 'ready PORT'"):
            program.Server([path])

    def test_a_program_that_says_nothing_is_not_waited_for_for_ever(self):
        with program.Program([self.place("silent", "#!/bin/sh\nread line\n")]) as silent:
            with self.assertRaisesRegex(program.ProgramFailed, "said nothing for 0.1 s"):
                silent.line(0.1)
            silent.say("end")

    def test_errors_that_the_load_counted_fail(self):
        self.load_says({**FIGURES, "errors": 2})
        with self.assertRaisesRegex(program.ProgramFailed, "counted 2 errors"):
            self.measure(contestants.EPOLL)

    def test_a_slice_without_a_message_fails(self):
        self.load_says({**FIGURES, "messages": 0})
        with self.assertRaisesRegex(program.ProgramFailed, "no message in"):
            self.measure(contestants.EPOLL)

    def test_no_program_is_left_after_a_failure(self):
        self.load_says({**FIGURES, "errors": 1})
        with self.assertRaises(program.ProgramFailed):
            self.measure(contestants.EPOLL, contestants.UV)
        self.assertEqual(self.bench.running, [])


class Runs(Folder):
    def run_bench(self, *arguments):
        """The exit code, the line of results and what was printed."""
        results = self.folder / "results"
        options = run.parse(["--programs", str(self.folder), "--results", str(results), "--smoke", *arguments])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = run.run(options)
        return code, results.read_text(encoding="ascii") if results.exists() else "", printed.getvalue()

    def test_a_goal_that_is_measured_passes_whatever_its_figures(self):
        self.load_says({**FIGURES, "server_cpu_ns": 10**12})
        code, results, _ = self.run_bench("echo", "--servers", "uv", "--workloads", "1x64B")
        self.assertEqual((code, results), (0, "1 0\n"))

    def test_a_goal_whose_program_fails_is_a_failure_and_the_next_goes_on(self):
        self.place("server_uv", "#!/bin/sh\nexit 1\n")
        _, results, printed = self.run_bench("fanout", "connections", "--servers", "uv")
        self.assertEqual(results, "1 1\n")
        self.assertIn("FAILED fanout: server_uv", printed)

    def test_every_goal_comes_to_an_end(self):
        _, results, printed = self.run_bench("--servers", "uv,iocpnet-epoll")
        self.assertEqual(results, f"{len(goals.ALL)} 0\n", printed)

    def test_an_unknown_name_is_refused(self):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(self.run_bench("nothing")[0], 2)
            self.assertEqual(self.run_bench("echo", "--servers", "nobody")[0], 2)
        self.assertIn("unknown goal: nothing", said.getvalue())
        self.assertIn("unknown server: nobody", said.getvalue())
