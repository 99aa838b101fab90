"""chat_client for a person: what is typed, and what is printed."""

import unittest

import programs
from protocol import Person


class Talk(unittest.TestCase):
    def setUp(self):
        self.server = programs.Server()
        self.addCleanup(self.server.kill)

    def client(self, name, *arguments):
        client = programs.Program("chat_client", "--connect", "%s:%d" % self.server.address, "--name", name, *arguments)
        self.addCleanup(client.kill)
        return client

    def test_two_people_talk(self):
        ada = self.client("ada")
        ada.read_until(r"^\* ada is here, 1 in the room$")
        grace = self.client("grace")
        ada.read_until(r"^\* grace is here, 2 in the room$")
        grace.type("hello there")
        ada.read_until("^grace: hello there$")
        ada.type("/msg grace  not so loud")
        grace.read_until("^ada, to you alone:  not so loud$")
        grace.type("/join kitchen")
        grace.read_until(r"^\* grace is here, 1 in the room$")
        ada.read_until(r"^\* grace has left, 1 in the room$")
        grace.type("/leave")
        grace.type("anybody?")
        grace.read_until("^! join a room first$")
        grace.type("/help")
        grace.read_until("^/join ROOM")
        for client in (ada, grace):
            client.type("/quit")
            self.assertEqual(client.end()[0], 0)

    def test_the_end_of_the_input_is_the_end(self):
        ada = self.client("ada", "--room", "tea")
        ada.type("a last word")
        code, output = ada.end()
        self.assertEqual(code, 0, output)
        self.assertIn("* welcome, ada", output)

    def test_a_taken_name_is_told(self):
        self.addCleanup(Person(self.server.address, "ada").close)
        code, output = self.client("ada").end()
        self.assertEqual(code, 1)
        self.assertIn("! the name is taken", output)

    def test_the_end_of_the_server_is_told(self):
        ada = self.client("ada")
        ada.read_until("ada is here")
        self.server.interrupt()
        ada.read_until(r"^\* the server is closing$")
        ada.read_until(r"^\* the connection has ended: ")
        code, _ = ada.end()
        self.assertEqual(code, 1)
        code, output = self.server.end()
        self.assertEqual(code, 0, output)
        self.assertIn("stopped: 1 sessions drained, 0 aborted", output)

    def test_a_server_that_is_not_there_is_told(self):
        self.server.kill()
        code, output = self.client("ada").end()
        self.assertEqual(code, 1)
        self.assertIn("* the connection has ended: ", output)
