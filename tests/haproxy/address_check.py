"""Behind a real HAProxy: the address of a session is that of the client, and nobody else is believed."""

import socket
import unittest

from client import Client, text_of
from programs import HaProxy, Server, wait_until

FORGED = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n"
VERSIONS = ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id")


class Addresses(unittest.TestCase):
    def start(self, options, port="auto", trusted="127.0.0.1"):
        self.server = Server("one", port, trusted)
        self.addCleanup(self.server.kill)
        self.proxy = HaProxy((self.server, options))
        self.addCleanup(self.proxy.end)

    def visit(self, address, source=None):
        client = Client(address, source)
        self.addCleanup(client.close)
        self.assertEqual(client.greeting(), ["one", client.own_address()])
        client.talk(b"some words")
        client.finish()

    def test_clients_are_where_they_are_in_each_version_of_the_header(self):
        for options in VERSIONS:
            for port in ("epoll", "auto"):
                with self.subTest(options=options, port=port):
                    self.start(options, port)
                    for last in range(1, 6):
                        self.visit(self.proxy.addresses[0], (f"127.0.0.{last}", 0))
                    for address in self.proxy.addresses[1:]:
                        self.visit(address)
                    self.assertEqual(self.server.counts()["refused"], 0)

    def test_checks_of_the_proxy_are_sessions_that_come_and_go(self):
        for options in VERSIONS[:2]:
            with self.subTest(options=options):
                self.start(options)
                wait_until(lambda: self.server.counts()["accepts"] >= 5, "five checks")
                self.assertTrue(self.proxy.status("one")[0].startswith("UP"))
                self.assertEqual(self.server.counts()["refused"], 0)

    def test_a_header_from_a_client_is_what_it_says_and_no_header(self):
        self.start("send-proxy")
        client = Client(self.proxy.addresses[0])
        self.addCleanup(client.close)
        client.stream.sendall(FORGED)
        self.assertEqual(client.greeting(), ["one", client.own_address()])
        self.assertEqual(client.reader.read(len(FORGED)), FORGED)

    def test_a_header_from_elsewhere_is_refused(self):
        self.start("send-proxy-v2")
        for number in range(1, 4):
            with socket.socket() as forger:
                forger.settimeout(20)
                forger.bind(("127.0.0.9", 0))
                try:
                    forger.connect(self.server.address)
                    forger.sendall(FORGED + b"hello")
                    self.assertEqual(forger.recv(1), b"", text_of(forger.getsockname()))
                except ConnectionError:
                    pass  # by a reset
            wait_until(lambda: self.server.counts()["by_trust"] == number, "the forger is counted")
        self.visit(self.proxy.addresses[0])

    def expect_nobody_served(self, cause):
        client = Client(self.proxy.addresses[0])
        self.addCleanup(client.close)
        try:
            client.stream.sendall(b"words")
            self.assertEqual(client.reader.read(), b"")
        except ConnectionError:
            pass  # by a reset
        wait_until(lambda: self.server.counts()[cause] >= 1, "it is counted")
        self.assertEqual(self.server.counts()["accepts"], 0)

    def test_a_proxy_that_is_not_trusted_serves_nobody(self):
        self.start("send-proxy", trusted="192.0.2.0/24")
        self.expect_nobody_served("by_trust")

    def test_a_proxy_without_headers_serves_nobody(self):
        self.start("")
        self.expect_nobody_served("by_header")
