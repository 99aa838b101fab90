"""The status page: for a browser, and for Prometheus as its own parser reads it."""

import re
import socket
import unittest

from prometheus_client.parser import text_string_to_metric_families

import programs
from protocol import PATIENCE_S, REFUSED, SAID, SAY, WHISPER, WHISPERED, Person


class Page(unittest.TestCase):
    def setUp(self):
        self.server = programs.Server()
        self.addCleanup(self.server.kill)

    def ask(self, *pieces):
        """What comes back for a request, up to the end of the stream."""
        with socket.create_connection(self.server.page, timeout=PATIENCE_S) as stream:
            for piece in pieces:
                stream.sendall(piece)
            answer = b""
            while taken := stream.recv(65536):
                answer += taken
        return answer.decode()

    def get(self, path):
        """The body of a page."""
        head, body = self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()).split("\r\n\r\n", 1)
        self.assertTrue(head.startswith("HTTP/1.1 200 OK\r\n"), head)
        self.assertEqual(int(re.search(r"Content-Length: (\d+)", head)[1]), len(body.encode()))
        return body

    def talk(self):
        ada, grace = Person(self.server.address, "ada"), Person(self.server.address, "grace")
        self.addCleanup(ada.close)
        self.addCleanup(grace.close)
        ada.join("tea")
        ada.send(SAY, "one")
        ada.send(SAY, "two")
        ada.send(WHISPER, "grace", "three")
        ada.send(WHISPER, "nobody", "four")
        self.assertEqual([ada.next()[0] for _ in range(3)], [SAID, SAID, REFUSED])
        self.assertEqual(grace.next()[0], WHISPERED)

    def test_people_see_the_figures(self):
        self.talk()
        body = self.get("/")
        for name, value in (("sessions", 2), ("people", 2), ("rooms", 1), ("said", 2), ("whispered", 1), ("refused", 1)):
            self.assertIn(f"<tr><td>{name}</td><td>{value}</td></tr>", body)

    def test_prometheus_reads_the_same(self):
        self.talk()
        families = {family.name: family for family in text_string_to_metric_families(self.get("/metrics"))}
        for name, kind, value in (("chat_people", "gauge", 2), ("chat_rooms", "gauge", 1), ("chat_said", "counter", 2),
                                  ("chat_whispered", "counter", 1), ("chat_refused", "counter", 1),
                                  ("iocpnet_sessions", "gauge", 2), ("iocpnet_accepts", "counter", 2)):
            self.assertEqual(families[name].type, kind, name)
            self.assertEqual(families[name].samples[0].value, value, name)
        self.assertEqual(families["iocpnet_sessions"].samples[0].labels["service"], "chat")

    def test_other_paths_and_methods_are_refused(self):
        self.assertTrue(self.ask(b"GET /other HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 404 "))
        self.assertTrue(self.ask(b"POST / HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 405 "))
        self.assertTrue(self.ask(b"GET\r\n\r\n").startswith("HTTP/1.1 405 "))
        self.assertTrue(self.ask(b"GET \r\n\r\n").startswith("HTTP/1.1 404 "))
        self.assertTrue(self.ask(b"\r\n\r\n").startswith("HTTP/1.1 405 "))

    def test_a_request_may_come_in_pieces(self):
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.assertTrue(self.ask(*(bytes([byte]) for byte in request)).startswith("HTTP/1.1 200 "))

    def test_one_request_is_answered(self):
        self.assertEqual(self.ask(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n").count("HTTP/1.1"), 1)

    def test_a_request_without_end_is_ended(self):
        try:
            self.assertEqual(self.ask(b"GET /" + b"x" * 9000), "")
        except ConnectionError:
            pass  # by a reset
        self.get("/")
