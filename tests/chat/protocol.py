"""The protocol of the chat, written anew from samples/cpp/chat/README.md: a client that shares no code with the samples."""

import socket
import struct

HELLO, JOIN, LEAVE, SAY, WHISPER = 1, 2, 3, 4, 5
WELCOME, REFUSED, JOINED, LEFT, SAID, WHISPERED, CLOSING = 101, 102, 103, 104, 105, 106, 107

# Which fields follow the header.
FIELDS = {HELLO: "t", JOIN: "t", LEAVE: "", SAY: "t", WHISPER: "tt", WELCOME: "t", REFUSED: "t", JOINED: "tn", LEFT: "tn",
          SAID: "tt", WHISPERED: "tt", CLOSING: "t"}
# No answer takes this long unless it never comes.
PATIENCE_S = 60


def text(value):
    encoded = value.encode()
    return struct.pack("<H", len(encoded)) + encoded


def frame(kind, body=b""):
    return struct.pack("<HH", 4 + len(body), kind) + body


def packet(kind, *fields):
    return frame(kind, b"".join(text(field) if isinstance(field, str) else struct.pack("<I", field) for field in fields))


def parse(kind, body):
    """(kind, field, ...); fails unless the body is exactly the fields of its kind."""
    fields = [kind]
    for field in FIELDS[kind]:
        if field == "n":
            fields.append(struct.unpack_from("<I", body)[0])
            body = body[4:]
        else:
            size = struct.unpack_from("<H", body)[0]
            assert len(body) >= 2 + size
            fields.append(body[2:2 + size].decode())
            body = body[2 + size:]
    assert body == b"", body
    return tuple(fields)


def read_exactly(stream, size):
    """So many bytes, or none at the end of the stream."""
    taken = b""
    while len(taken) < size:
        more = stream.recv(size - len(taken))
        if not more:
            return b""
        taken += more
    return taken


def read_frame(stream):
    """A whole frame, its header included; empty at the end of the stream."""
    header = read_exactly(stream, 4)
    return header and header + read_exactly(stream, struct.unpack_from("<H", header)[0] - 4)


class Person:
    """A connection to a server. `address`: (host, port)."""

    def __init__(self, address, name=None):
        self.stream = socket.create_connection(address, timeout=PATIENCE_S)
        if name is not None:
            self.send(HELLO, name)
            assert self.next() == (WELCOME, name)

    def send(self, kind, *fields):
        self.stream.sendall(packet(kind, *fields))

    def next(self):
        """The next message, None at the end of the stream."""
        whole = read_frame(self.stream)
        return parse(struct.unpack_from("<H", whole, 2)[0], whole[4:]) if whole else None

    def join(self, room):
        """Gives how many are in the room then."""
        self.send(JOIN, room)
        kind, _, people = self.next()
        assert kind == JOINED
        return people

    def close(self):
        self.stream.close()
