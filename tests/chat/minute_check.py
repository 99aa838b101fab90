"""A thousand people in rooms of 50 talk for a minute, on each port: every line comes to each of them once, in order and
unaltered. Two crowds, each with a server of its own, talk at the same time. Again, for less long, on a bad network."""

import unittest

import programs

CROWD = ("--clients", 1000, "--room-size", 50, "--wait-s", 60)
MINUTE = ("--seconds", 60, "--interval-ms", 1000)
BAD_MINUTE = ("--seconds", 20, "--interval-ms", 2000)
# Of both ends: a line comes late, in pieces that are no messages, and sometimes behind a gap. Nobody is cut off.
BAD_NETWORK = "seed=5,delay-ms=15,jitter-ms=40,stall-ppm=2000,stall-ms=500,fragment=61"
LIMIT_S = 200


class Pair:
    """A server and its crowd on one port."""

    def __init__(self, case, port, talk, *conditions):
        self.name = " ".join((port, *conditions))
        self.server = programs.Server("--port", port, *conditions, limit_s=LIMIT_S)
        case.addCleanup(self.server.kill)
        self.crowd = programs.crowd(self.server.address, "--port", port, *CROWD, *talk, *conditions, limit_s=LIMIT_S)
        case.addCleanup(self.crowd.kill)

    def end(self):
        """The counts of the verdict, if both ended well."""
        code, output = self.crowd.end()
        assert code == 0, f"{self.name}: the crowd ended with {code}:\n{output}"
        code, last_lines = self.server.stop()
        assert code == 0, f"{self.name}: the server ended with {code}:\n{last_lines}"
        return programs.verdict(output)


class Minute(unittest.TestCase):
    def talk(self, talk, said_min, *conditions):
        pairs = [Pair(self, port, talk, *conditions) for port in ("epoll", "auto")]
        for pair in pairs:
            counts = pair.end()
            print(f"\nfigures: chat on {pair.name}: {counts['said']} lines said, {counts['heard']} heard", flush=True)
            self.assertGreater(counts["said"], said_min, pair.name)  # a busy machine misses periods of its timers
            self.assertEqual(counts["heard"], counts["said"] * 50, pair.name)

    def test_every_line_comes_once_and_in_order(self):
        self.talk(MINUTE, 1000 * 10)

    def test_on_a_bad_network_too(self):
        self.talk(BAD_MINUTE, 1000 * 2, "--conditioner", BAD_NETWORK)
