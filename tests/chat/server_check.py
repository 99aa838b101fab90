"""What the protocol says of chat_server: names, rooms, private lines, limits, bad frames, and how it ends."""

import time
import unittest

import programs
from protocol import (CLOSING, HELLO, JOIN, JOINED, LEAVE, LEFT, REFUSED, SAID, SAY, WELCOME, WHISPER, WHISPERED, Person,
                      frame, packet, text)


class Case(unittest.TestCase):
    how = ()  # the server's options in every case

    def serve(self, *arguments):
        self.server = programs.Server(*self.how, *arguments)
        self.addCleanup(self.server.kill)

    def person(self, name=None, room=None):
        person = Person(self.server.address, name)
        self.addCleanup(person.close)
        if room is not None:
            person.join(room)
        return person

    def assert_refused(self, person):
        self.assertEqual(person.next()[0], REFUSED)

    def assert_serves(self):
        """Others are unharmed: a new one can come and speak."""
        newcomer = self.person("newcomer", "elsewhere")
        newcomer.send(SAY, "hello")
        self.assertEqual(newcomer.next(), (SAID, "newcomer", "hello"))


class Names(Case):
    def setUp(self):
        self.serve()

    def test_a_name_belongs_to_one(self):
        self.person("ada")
        other = self.person()
        other.send(HELLO, "ada")
        self.assert_refused(other)
        other.send(HELLO, "grace")
        self.assertEqual(other.next(), (WELCOME, "grace"))

    def test_a_name_is_free_again_when_everybody_has_heard_that_its_owner_left(self):
        watcher = self.person("watcher", "lobby")
        ada = self.person("ada", "lobby")
        self.assertEqual(watcher.next(), (JOINED, "ada", 2))
        ada.close()
        self.assertEqual(watcher.next(), (LEFT, "ada", 1))
        self.person("ada")

    def test_a_name_is_one_plain_word(self):
        person = self.person()
        for name in ("", "two words", "x" * 33, "bell\a", "escape\x1b[2J", "csi\u009b2J", "delete\x7f"):
            person.send(HELLO, name)
            self.assert_refused(person)
        person.send(HELLO, "Zoë")
        self.assertEqual(person.next(), (WELCOME, "Zoë"))

    def test_a_name_stays(self):
        person = self.person("ada")
        person.send(HELLO, "grace")
        self.assert_refused(person)
        self.person("grace")


class Rooms(Case):
    def setUp(self):
        self.serve()

    def test_a_line_is_heard_in_its_room_only(self):
        ada, grace, other = self.person("ada", "tea"), self.person("grace", "tea"), self.person("other", "coffee")
        self.assertEqual(ada.next(), (JOINED, "grace", 2))
        ada.send(SAY, "hello")
        for person in (ada, grace):
            self.assertEqual(person.next(), (SAID, "ada", "hello"))
        other.send(SAY, "nobody there?")
        self.assertEqual(other.next(), (SAID, "other", "nobody there?"))  # and nothing before it

    def test_who_joins_another_room_leaves_the_first(self):
        ada, grace = self.person("ada", "tea"), self.person("grace", "tea")
        ada.next()
        self.assertEqual(grace.join("coffee"), 1)
        self.assertEqual(ada.next(), (LEFT, "grace", 1))
        ada.send(SAY, "alone")
        self.assertEqual(ada.next(), (SAID, "ada", "alone"))
        grace.send(SAY, "alone, too")
        self.assertEqual(grace.next(), (SAID, "grace", "alone, too"))

    def test_without_a_room_there_is_nobody_to_talk_to(self):
        ada = self.person("ada")
        ada.send(SAY, "hello")
        self.assert_refused(ada)
        ada.join("tea")
        ada.send(LEAVE)
        ada.send(SAY, "hello")
        self.assert_refused(ada)

    def test_a_room_is_made_anew_when_it_was_empty(self):
        ada = self.person("ada", "tea")
        ada.send(LEAVE)
        self.assertEqual(ada.join("tea"), 1)

    def test_joining_the_same_room_again_changes_nothing(self):
        ada = self.person("ada", "tea")
        ada.send(JOIN, "tea")
        ada.send(SAY, "still here")
        self.assertEqual(ada.next(), (SAID, "ada", "still here"))

    def test_control_characters_reach_nobody(self):
        ada = self.person("ada", "tea")
        for line in ("", "x" * 1001, "\x1b]0;title\a", "two\nlines", "\u0085"):
            ada.send(SAY, line)
            self.assert_refused(ada)
        ada.send(SAY, "grüße, 你好 \U0001f44b")
        self.assertEqual(ada.next(), (SAID, "ada", "grüße, 你好 \U0001f44b"))


class Whispers(Case):
    def setUp(self):
        self.serve()

    def test_a_private_line_reaches_one_only(self):
        ada, grace, other = (self.person(name, "tea") for name in ("ada", "grace", "other"))
        for person in (ada, ada, grace):
            self.assertEqual(person.next()[0], JOINED)
        ada.send(WHISPER, "grace", "psst")
        self.assertEqual(grace.next(), (WHISPERED, "ada", "psst"))
        grace.send(SAY, "what?")
        for person in (ada, other):
            self.assertEqual(person.next(), (SAID, "grace", "what?"))

    def test_a_private_line_for_nobody_is_refused(self):
        ada = self.person("ada")
        ada.send(WHISPER, "grace", "psst")
        self.assert_refused(ada)


class Limits(Case):
    def test_a_flood_is_held_back_and_then_ended(self):
        self.serve("--messages-per-s", 5)
        listener, flooder = self.person("listener", "tea"), self.person("flooder", "tea")
        self.assertEqual(listener.next(), (JOINED, "flooder", 2))
        flooder.stream.sendall(packet(SAY, "flood") * 200)
        answers = []
        while (answer := flooder.next()) is not None:
            answers.append(answer)
        said = [answer for answer in answers if answer[0] == SAID]
        refused = [answer for answer in answers if answer[0] == REFUSED]
        self.assertGreaterEqual(len(said), 8)  # a burst of 10, of which two were for the name and the room
        self.assertGreaterEqual(len(refused), 10)
        self.assertLess(len(said) + len(refused), 200)
        self.assertEqual(answers[-1], (REFUSED, "too fast"))
        flooder.close()
        for line in said:
            self.assertEqual(listener.next(), line)
        self.assertEqual(listener.next(), (LEFT, "flooder", 1))

    def test_who_is_silent_is_disconnected(self):
        self.serve("--idle-s", 1)
        silent = self.person("silent")
        self.assertIsNone(silent.next())

    def test_a_peer_that_does_not_read_is_disconnected_and_others_go_on(self):
        self.serve("--messages-per-s", 1000000)
        speaker, deaf = self.person("speaker", "tea"), self.person("deaf", "tea")
        speaker.next()
        heard = None
        while heard != (LEFT, "deaf", 1):
            speaker.send(SAY, "x" * 1000)
            heard = speaker.next()
        deaf.close()


class BadFrames(Case):
    def setUp(self):
        self.serve()

    def assert_ended(self, person):
        try:
            while (answer := person.next()) is not None:
                self.assertEqual(answer[0], REFUSED)
        except ConnectionError:
            pass  # a frame that can not be one is answered by a reset

    def test_frames_that_can_not_be_one_end_the_session(self):
        for size in (0, 3, 1041, 65535):
            person = self.person("person%d" % size)
            person.stream.sendall(size.to_bytes(2, "little") + b"\x04\x00")
            self.assert_ended(person)
            person.close()
        self.assert_serves()

    def test_messages_that_can_not_be_one_are_answered_and_end_the_session(self):
        bad = (frame(0), frame(99), frame(101, text("x")), frame(SAY), frame(SAY, b"\x05\x00abcd"),
               frame(SAY, text("x") + b"y"), frame(LEAVE, b"x"), frame(WHISPER, text("x")), frame(JOIN, b"\x01"))
        for number, message in enumerate(bad):
            person = self.person("person%d" % number, "tea")
            person.stream.sendall(message)
            self.assertEqual(person.next(), (REFUSED, "malformed message"), message)
            self.assertIsNone(person.next())
            person.close()
        self.assert_serves()

    def test_who_does_not_say_hello_first_is_ended(self):
        person = self.person()
        person.send(JOIN, "tea")
        self.assertEqual(person.next(), (REFUSED, "say hello first"))
        self.assertIsNone(person.next())

    def test_messages_may_come_byte_by_byte(self):
        person = self.person()
        for byte in packet(HELLO, "ada") + packet(JOIN, "tea"):
            person.stream.sendall(bytes([byte]))
        self.assertEqual(person.next(), (WELCOME, "ada"))
        self.assertEqual(person.next(), (JOINED, "ada", 1))


class Ends(Case):
    def test_everybody_hears_of_the_end_and_may_finish(self):
        self.serve()
        people = [self.person("person%d" % i, "tea") for i in range(5)]
        people[0].send(SAY, "last words")
        for i, person in enumerate(people):
            for _ in range(4 - i):
                self.assertEqual(person.next()[0], JOINED)
            self.assertEqual(person.next(), (SAID, "person0", "last words"))
        self.server.interrupt()
        for person in people:
            self.assertEqual(person.next()[0], CLOSING)
        for person in people:
            while (answer := person.next()) is not None:
                self.assertEqual(answer[0], LEFT)
            person.close()
        code, output = self.server.end()
        self.assertEqual(code, 0, output)
        self.assertIn("stopped: 5 sessions drained, 0 aborted; 1 lines said", output)

    def test_who_does_not_finish_is_ended_when_the_time_is_over(self):
        self.serve("--drain-ms", 200)
        person = self.person("ada", "tea")
        code, output = self.server.stop()
        self.assertEqual(code, 0, output)
        self.assertIn("stopped: 0 sessions drained, 1 aborted", output)
        self.assertEqual(person.next()[0], CLOSING)

    def test_an_address_that_is_taken_is_told(self):
        self.serve()
        second = programs.Program("chat_server", "--listen", "%s:%d" % self.server.address, "--page", "127.0.0.1:0")
        code, output = second.end()
        self.assertEqual(code, 1)
        self.assertIn("IOCPNET_E_ADDRESS_IN_USE", output)


class Conditions(Case):
    """What --conditioner pretends of the network."""

    def test_every_answer_is_late(self):
        self.serve("--conditioner", "delay-ms=100")
        begun = time.monotonic()
        self.person("ada")
        self.assertGreaterEqual(time.monotonic() - begun, 0.2)

    def test_everything_at_once(self):
        self.serve("--conditioner", "seed=1,delay-ms=1,jitter-ms=2,stall-ppm=1000,stall-ms=3,coalesce-ms=1,fragment=3,"
                   "rate=1000000,reset-ppm=0")
        self.assert_serves()

    def test_what_it_can_not_be_is_refused(self):
        for wrong in ("delay", "delay-ms", "delay-ms=", "delay-ms=1x", "delay-ms=-1", "delay-ms=60001", "stall-ppm=1000001",
                      "rate=1099511627777", "fragment=4294967296", "other=1", "delay-ms=1,,fragment=1", "=1", ""):
            code, output = programs.Program("chat_server", "--conditioner", wrong).end()
            self.assertEqual(code, 2, wrong)
            self.assertIn("--conditioner needs", output)


# The same with several dispatchers, whose threads meet in the hall.
for case in (Names, Rooms, Whispers, Limits, BadFrames, Ends, Conditions):
    name = case.__name__ + "OnEpoll"
    globals()[name] = type(name, (case,), {"how": ("--port", "epoll", "--dispatchers", 3)})
del case
