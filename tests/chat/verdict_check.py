"""The load mode of chat_client has to find what a server may do wrong, and nothing when it does nothing wrong."""

import unittest

import faulty_proxy
import programs


class Verdict(unittest.TestCase):
    def setUp(self):
        self.server = programs.Server()
        self.addCleanup(self.server.kill)

    def judge(self, fault):
        proxy = faulty_proxy.FaultyProxy(self.server.address, fault)
        self.addCleanup(proxy.close)
        crowd = programs.crowd(proxy.address, "--clients", 20, "--room-size", 10, "--seconds", 2, "--interval-ms", 200,
                               "--wait-s", 3)
        self.addCleanup(crowd.kill)
        code, output = crowd.end()
        counts = programs.verdict(output)
        self.assertGreater(counts["said"], 20, output)
        self.assertEqual(counts["failed"], 0, output)
        faults = {name: counts[name] for name in ("lost", "repeated", "late", "wrong") if counts[name] != 0}
        self.assertEqual(code, 1 if faults else 0, output)
        return faults

    def test_nothing_is_found_when_every_line_comes(self):
        self.assertEqual(self.judge("none"), {})

    def test_a_lost_line_is_found(self):
        self.assertEqual(self.judge("lose"), {"lost": 1})

    def test_a_repeated_line_is_found(self):
        self.assertEqual(self.judge("repeat"), {"repeated": 1})

    def test_a_swapped_line_is_found(self):
        self.assertEqual(self.judge("swap"), {"late": 1})

    def test_an_altered_line_is_found_and_is_missed_as_it_was(self):
        self.assertEqual(self.judge("alter"), {"wrong": 1, "lost": 1})

    def test_a_server_that_is_not_there_is_found(self):
        self.server.kill()
        code, output = programs.crowd(self.server.address, "--clients", 10, "--room-size", 10).end()
        self.assertEqual(code, 1, output)
        self.assertGreater(programs.verdict(output)["failed"], 0)

    def test_a_server_that_ends_meanwhile_is_found(self):
        crowd = programs.crowd(self.server.address, "--clients", 10, "--room-size", 10, "--seconds", 60)
        self.addCleanup(crowd.kill)
        crowd.read_until("^10 sessions")
        self.server.stop()
        code, output = crowd.end()
        self.assertEqual(code, 1, output)
        self.assertGreater(programs.verdict(output)["failed"], 0)
