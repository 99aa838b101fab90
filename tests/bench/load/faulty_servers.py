"""Servers for the checks of the load generator: good ones, and ones that do a single thing wrong."""

import selectors
import socket
import struct
import threading
import time

TURN_SECONDS = 0.005
TICK_SECONDS = 0.01
MESSAGE = 64
PLANTED_AT = 40 * MESSAGE + 13
PLANTED_PEER = 2
PLANTED_ROUND = 100
PLANTED_TICK = 30
PAUSE_SECONDS = 0.3
ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def listen():
    """Listeners of one port on all addresses."""
    while True:
        listeners = [socket.create_server((ADDRESSES[0], 0), backlog=256)]
        port = listeners[0].getsockname()[1]
        try:
            listeners += [socket.create_server((address, port), backlog=256) for address in ADDRESSES[1:]]
            return port, listeners
        except OSError:
            for listener in listeners:
                listener.close()


class Peer:
    """One connection of a server."""

    def __init__(self, sock, number):
        self.socket = sock
        self.number = number
        self.received = 0
        self.pending = b""
        self.unsent = b""


class Echo(threading.Thread):
    """Sends everything back, on a thread of this process."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port, self.listeners = listen()
        self.selector = selectors.DefaultSelector()
        for listener in self.listeners:
            self.selector.register(listener, selectors.EVENT_READ, None)
        self.peers = []
        self.accepted = []  # the addresses that each came to, and from
        self.received = 0
        self.ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.selector.close()
        for each in [peer.socket for peer in self.peers] + self.listeners:
            each.close()

    def run(self):
        while not self.ended.is_set():
            for key, mask in self.selector.select(TURN_SECONDS):
                if key.data is None:
                    self.accept(key.fileobj)
                elif key.data in self.peers:
                    self.serve(key.data, mask)
            self.on_turn()

    def on_turn(self):
        pass

    def accept(self, listener):
        sock, source = listener.accept()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(sock, len(self.accepted))
        self.accepted.append((sock.getsockname()[0], source[0]))
        self.peers.append(peer)
        self.selector.register(sock, selectors.EVENT_READ, peer)

    def drop(self, peer):
        self.peers.remove(peer)
        self.selector.unregister(peer.socket)
        peer.socket.close()

    def serve(self, peer, mask):
        try:
            data = peer.socket.recv(1 << 18) if mask & selectors.EVENT_READ else None
        except ConnectionError:
            data = b""
        if data == b"":
            self.drop(peer)
        elif data is None:
            self.send(peer, b"")
        else:
            first = peer.received
            peer.received += len(data)
            self.received += len(data)
            self.on_data(peer, data, first)

    def on_data(self, peer, data, _first):
        self.send(peer, data)

    def send(self, peer, data):
        """Now what the kernel takes, the rest later. A connection that is lost is noticed by its receive."""
        peer.unsent += data
        try:
            peer.unsent = peer.unsent[peer.socket.send(peer.unsent):] if peer.unsent else b""
        except BlockingIOError:
            pass
        except ConnectionError:
            peer.unsent = b""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.unsent else 0)
        self.selector.modify(peer.socket, events, peer)


def echo_but(change):
    """Calls `change(server, peer, data, offset)` in place of the echo that has byte PLANTED_AT of one connection."""

    class Planted(Echo):
        def on_data(self, peer, data, first):
            offset = PLANTED_AT - first
            if peer.number == PLANTED_PEER and 0 <= offset < len(data):
                change(self, peer, data, offset)
            else:
                self.send(peer, data)

    return Planted


def flip(server, peer, data, offset):
    server.send(peer, data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1:])


def drop_byte(server, peer, data, offset):
    server.send(peer, data[:offset] + data[offset + 1:])


def double_byte(server, peer, data, offset):
    server.send(peer, data[:offset + 1] + data[offset:])


def send_to_another(server, peer, data, _offset):
    server.send(server.peers[server.peers.index(peer) - 1], data)


def swallow(_server, _peer, _data, _offset):
    pass


def close(server, peer, _data, _offset):
    server.drop(peer)


def reset(server, peer, _data, _offset):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.drop(peer)


def pause(server, peer, data, _offset):
    time.sleep(PAUSE_SECONDS)
    server.send(peer, data)


class SwapsMessages(Echo):
    """Two messages of a connection change places."""

    def on_data(self, peer, data, first):
        if peer.number != PLANTED_PEER or first <= PLANTED_AT:
            self.send(peer, data)
            return
        peer.pending += data
        while len(peer.pending) >= 2 * MESSAGE:
            self.send(peer, peer.pending[MESSAGE:2 * MESSAGE] + peer.pending[:MESSAGE])
            peer.pending = peer.pending[2 * MESSAGE:]


class ClosesEachVisit(Echo):
    """Takes a message, and ends the connection in place of an echo."""

    def on_data(self, peer, data, _first):
        if peer.number < PLANTED_ROUND:
            self.send(peer, data)
        else:
            self.drop(peer)


class ActsAtRest(Echo):
    """Does `act` when nothing came for a while."""

    def __init__(self):
        super().__init__()
        self.quiet_turns = 0

    def on_data(self, peer, data, _first):
        self.quiet_turns = 0
        self.send(peer, data)

    def on_turn(self):
        self.quiet_turns += 1
        if self.quiet_turns == 20 and self.peers:
            self.act(self.peers[-1])


class TalksAtRest(ActsAtRest):
    def act(self, peer):
        self.send(peer, b"x")


class ClosesAtRest(ActsAtRest):
    def act(self, peer):
        self.drop(peer)


class Fanout(Echo):
    """Each message to all; of one round, some copies can be others."""

    def __init__(self):
        super().__init__()
        self.rounds = 0
        self.earlier = [b"", b""]

    def on_data(self, peer, data, _first):
        peer.pending += data
        while len(peer.pending) >= MESSAGE:
            message, peer.pending = peer.pending[:MESSAGE], peer.pending[MESSAGE:]
            self.rounds += 1
            copies = [message] * len(self.peers)
            if self.rounds == PLANTED_ROUND:
                self.plant(copies)
            for other, copy in zip(self.peers, copies):
                self.send(other, copy)
            self.earlier = [self.earlier[1], message]

    def plant(self, copies):
        pass


class FanoutMistakesReceiver(Fanout):
    """What the first should get, the last gets too."""

    def plant(self, copies):
        copies[-1] += copies[0]
        copies[0] = b""


class FanoutOfEarlierRound(Fanout):
    """The last gets the message of two rounds before."""

    def plant(self, copies):
        copies[-1] = self.earlier[0]


class Tick(Echo):
    """An update to all, on a schedule; of one tick, some updates can be others."""

    def __init__(self):
        super().__init__()
        self.next = time.monotonic()
        self.ticks = 0

    def on_turn(self):
        if time.monotonic() < self.next or not self.peers:
            return
        self.next = time.monotonic() + TICK_SECONDS
        self.ticks += 1
        update = struct.pack("<Q", time.clock_gettime_ns(time.CLOCK_MONOTONIC)) + bytes(range(8, MESSAGE))
        copies = [update] * len(self.peers)
        if self.ticks == PLANTED_TICK:
            self.plant(copies)
        for peer, copy in zip(self.peers, copies):
            self.send(peer, copy)

    def plant(self, copies):
        pass


class StopsTicking(Tick):
    def on_turn(self):
        if self.ticks < PLANTED_TICK:
            super().on_turn()


def sends_but(kind, change):
    """A Fanout or Tick of which one copy, for the last connection, is `change(message)`."""

    class Planted(kind):
        def plant(self, copies):
            copies[-1] = change(copies[-1])

    return Planted


def flip_last(message):
    return message[:-1] + bytes([message[-1] ^ 1])


def flip_first(message):
    return bytes([message[0] ^ 1]) + message[1:]


def nothing(_message):
    return b""


def without_last(message):
    return message[:-1]


def twice(message):
    return message + message


def an_hour_ahead(update):
    return struct.pack("<Q", struct.unpack_from("<Q", update)[0] + 3600 * 10 ** 9) + update[8:]
