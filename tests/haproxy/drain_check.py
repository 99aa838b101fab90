"""A rolling drain: each of two servers is replaced under load, and no session that could finish is cut off."""

import os
import random
import unittest

from client import Load
from programs import HaProxy, Server, wait_until

PEOPLE = 24
VISITS = 30  # that a server has had before the next step


class RollingDrain(unittest.TestCase):
    def setUp(self):
        self.seed = int(os.environ.get("ICN_TEST_SEED", random.randrange(2**32)))
        print(f"seed {self.seed}")

    def start_server(self, name):
        server = Server(name, "auto")
        self.addCleanup(server.kill)
        return server

    def start(self):
        self.servers = {name: self.start_server(name) for name in ("one", "two")}
        self.proxy = HaProxy((self.servers["one"], "send-proxy"), (self.servers["two"], "send-proxy-v2"))
        self.addCleanup(self.proxy.end)
        self.load = Load(self.proxy.addresses[0], PEOPLE, self.seed)
        self.addCleanup(self.load.end)
        self.wait_for_visits("one", "two")

    def wait_for_visits(self, *names):
        for name in names:
            seen = self.load.count(name)
            wait_until(lambda name=name, seen=seen: self.load.count(name) >= seen + VISITS, f"people visit {name}")

    def replace(self, name):
        """The proxy sends nobody to it, those who are there finish, and another server takes its place."""
        self.proxy.rest(name)
        wait_until(lambda: self.proxy.status(name)[1] == 0, f"nobody is left on {name}")
        result = self.servers[name].end("drain")
        self.servers[name] = self.start_server(name)
        self.proxy.resume(name, self.servers[name])
        self.wait_for_visits(name)
        return result

    def test_nobody_is_cut_off(self):
        self.start()
        results = [self.replace(name) for name in ("one", "two")]
        self.load.end()
        print(f"figures: haproxy drain: {self.load.finished} finished, {len(self.load.cut)} cut", flush=True)
        self.assertEqual(self.load.cut, [])
        self.assertEqual(self.load.misplaced, [])
        for result in results:
            self.assertEqual((result["aborted"], result["unsent"]), (0, 0))

    def test_without_a_drain_somebody_is(self):
        self.start()
        self.servers["one"].end("cut")
        wait_until(lambda: self.load.cut, "somebody is cut off")
        self.load.end()
        self.assertEqual(self.load.misplaced, [])
