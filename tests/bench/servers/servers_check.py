#!/usr/bin/env python3
"""
Starts every server of the bench in every mode and verifies the bytes.

    servers_check.py FOLDER [NAME...]     the folder of the programs; names as they are printed, or parts of them
"""

import random
import selectors
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SERVERS = [
    ["server_epoll"], ["server_epoll", "--careful", "1"], ["server_epoll", "--careful", "2"], ["server_uring"],
    ["server_uv"], ["server_asio"], ["server_libevent"],
    ["server_iocpnet", "--port", "epoll", "--delivery", "callbacks"],
    ["server_iocpnet", "--port", "epoll", "--delivery", "batches"],
    ["server_iocpnet", "--port", "io_uring", "--delivery", "callbacks", "--driving", "library"],
    ["server_iocpnet", "--port", "io_uring", "--delivery", "batches", "--driving", "library"]]
WATCHDOG_SECONDS = 60
MESSAGE_BYTES = 200
STAMP = struct.Struct("=Q")
TICK_HZ = 200
ECHO_BYTES = 1 << 20
PIECE_BYTES_MAX = 100000
SLOW_BYTES = 12 << 20


def socket_buffers_bytes():
    """What the buffers of a connection's two directions may grow to: tcp(7), tcp_rmem and tcp_wmem."""
    maxima = [int(Path(f"/proc/sys/net/ipv4/{name}").read_text().split()[2]) for name in ("tcp_rmem", "tcp_wmem")]
    return 2 * sum(maxima)


class Server:
    """A server program, up from `with` to its end."""

    def __init__(self, folder, command, *arguments):
        self.process = subprocess.Popen([folder / command[0], *arguments, *command[1:]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if len(words) != 2 or words[0] != "ready":
            self.process.kill()
            raise AssertionError(f"no ready line: {words}")
        self.port = int(words[1])
        self.sockets = []

    def __enter__(self):
        return self

    def connect(self, host="127.0.0.1", receive_buffer_bytes=0):
        client = socket.socket()
        self.sockets.append(client)
        if receive_buffer_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        client.settimeout(WATCHDOG_SECONDS)
        client.connect((host, self.port))
        return client

    def __exit__(self, kind, *_):
        for client in self.sockets:
            client.close()
        if self.process.poll() is None and kind is None:
            self.process.stdin.close()
            code = self.process.wait(WATCHDOG_SECONDS)
        else:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        assert kind is not None or code == 0, f"exit code {code}"


def receive(client, size):
    """Exactly `size` bytes."""
    parts = []
    while size > 0:
        part = client.recv(min(size, 1 << 18))
        assert part, "the connection ended"
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def exchange(clients, texts, chance, size=0, taken_bytes_max=1 << 18):
    """
    Sends from each client its text in odd pieces while it receives, also in pieces; returns what each received: `size`
    bytes, or as much as it sent.
    """
    got = [bytearray() for _ in clients]
    sent = [0] * len(clients)
    deadline = time.monotonic() + WATCHDOG_SECONDS
    with selectors.DefaultSelector() as selector:
        for index, client in enumerate(clients):
            client.setblocking(False)
            selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, index)
        while selector.get_map():
            assert time.monotonic() < deadline, f"received {[len(part) for part in got]}"
            for key, mask in selector.select(1):
                index = key.data
                if mask & selectors.EVENT_WRITE and texts[index]:
                    piece = texts[index][sent[index]:sent[index] + chance.randint(1, PIECE_BYTES_MAX)]
                    sent[index] += key.fileobj.send(piece)
                    if sent[index] == len(texts[index]):
                        selector.modify(key.fileobj, selectors.EVENT_READ, index)
                if mask & selectors.EVENT_READ:
                    part = key.fileobj.recv(chance.randint(1, taken_bytes_max))
                    assert part, "the connection ended"
                    got[index] += part
                if len(got[index]) >= (size or len(texts[index])) and sent[index] == len(texts[index]):
                    selector.unregister(key.fileobj)
    return got


def echo(folder, command, *arguments, hosts=("127.0.0.1",), connections=5):
    chance = random.Random(1)
    with Server(folder, command, "echo", *arguments) as server:
        clients = [server.connect(hosts[index % len(hosts)]) for index in range(connections)]
        texts = [chance.randbytes(ECHO_BYTES) for _ in clients]
        for got, text in zip(exchange(clients, texts, chance), texts):
            assert got == text, "other bytes came back"


def echo_on_threads(folder, command):
    echo(folder, command, "--threads", "2", connections=16)


def echo_on_addresses(folder, command):
    echo(folder, command, "--addresses", "3", hosts=("127.0.0.1", "127.0.0.2", "127.0.0.3"))


def echo_to_late_reader(folder, command):
    """A client that sends until nothing more is taken, and only then receives; meanwhile another is served."""
    chance = random.Random(2)
    text = chance.randbytes(socket_buffers_bytes() + (1 << 20))
    with Server(folder, command, "echo") as server:
        late, quiet = server.connect(), server.connect()
        late.setblocking(False)
        sent = 0
        while sent < len(text):
            try:
                sent += late.send(text[sent:sent + PIECE_BYTES_MAX])
            except BlockingIOError:
                quiet.sendall(b"ping")
                assert receive(quiet, 4) == b"ping"
                time_out = selectors.DefaultSelector()
                time_out.register(late, selectors.EVENT_WRITE)
                if not time_out.select(0.2):
                    break
        assert sent < len(text), "the server takes more than it can send"
        late.settimeout(WATCHDOG_SECONDS)
        assert receive(late, sent) == text[:sent], "other bytes came back"
        late.sendall(b"more")
        assert receive(late, 4) == b"more"


def echo_to_slow_readers(folder, command):
    """Small windows and small receives: sends of the server stop in the middle, again and again."""
    chance = random.Random(7)
    with Server(folder, command, "echo") as server:
        clients = [server.connect(receive_buffer_bytes=1 << 15) for _ in range(3)]
        texts = [chance.randbytes(SLOW_BYTES) for _ in clients]
        for got, text in zip(exchange(clients, texts, chance, taken_bytes_max=30000), texts):
            assert got == text, "other bytes came back"


def echo_until_half_close(folder, command):
    """What was sent before the end of the stream comes back."""
    text = random.Random(3).randbytes(100000)
    with Server(folder, command, "echo") as server:
        for _ in range(20):
            client = server.connect()
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
            assert receive(client, len(text)) == text, "other bytes came back"
            assert client.recv(1) == b"", "the server did not close"


def echo_after_resets(folder, command):
    """Connections that come and go, some with a reset, leave the server in order."""
    with Server(folder, command, "echo") as server:
        for number in range(300):
            client = server.connect()
            client.sendall(b"churn")
            if number % 3 > 0:
                assert receive(client, 5) == b"churn"
            if number % 2 > 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.sockets.remove(client)
            client.close()


def message(sender, number):
    head = f"{sender}:{number}:".encode()
    return head + bytes((sender + number + index) & 255 for index in range(MESSAGE_BYTES - len(head)))


def messages(sender, numbers):
    return b"".join(message(sender, number) for number in numbers)


def fanout_server(folder, command):
    return Server(folder, command, "fanout", "--message-bytes", str(MESSAGE_BYTES))


def join(server, count):
    """Clients that the server knows: each has had the first message of those that came after it."""
    clients = []
    for sender in range(count):
        clients.append(server.connect())
        clients[-1].sendall(message(sender, 0))
        for client in clients:
            assert receive(client, MESSAGE_BYTES) == message(sender, 0), "another message"
    return clients


def verify_fanout(text, sent):
    """All messages of `sent`, a number for each sender, once and in their order."""
    following = [1] * len(sent)
    for start in range(0, len(text), MESSAGE_BYTES):
        part = text[start:start + MESSAGE_BYTES]
        sender = int(part.split(b":")[0])
        assert part == message(sender, following[sender]), f"not message {following[sender]} of {sender}"
        following[sender] += 1
    assert following == sent


def fanout(folder, command):
    """Each client gets every message, those of one sender in their order, whatever the pieces that they came in."""
    chance = random.Random(4)
    count, rounds = 7, 400
    with fanout_server(folder, command) as server:
        clients = join(server, count)
        texts = [messages(sender, range(1, rounds)) for sender in range(count)]
        for text in exchange(clients, texts, chance, sum(len(text) for text in texts)):
            verify_fanout(text, [rounds] * count)


def fanout_to_late_reader(folder, command):
    """A client that receives nothing for a while gets all of it then; the others do not wait for it."""
    rounds = 40000
    with fanout_server(folder, command) as server:
        late, sender, third = join(server, 3)
        sent = messages(1, range(1, rounds))
        for got in exchange([sender, third], [sent, b""], random.Random(5), len(sent)):
            assert got == sent, "other messages"
        assert receive(late, len(sent)) == sent, "other messages came late"


def fanout_with_comings_and_goings(folder, command):
    """Clients that leave in the middle, some with a reset, do not disturb the others."""
    chance = random.Random(6)
    with fanout_server(folder, command) as server:
        sender, receiver = join(server, 2)
        for number in range(1, 200):
            guests = [server.connect() for _ in range(3)]
            guests[0].sendall(message(0, number)[:chance.randint(1, MESSAGE_BYTES - 1)])
            guests[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sender.sendall(message(0, number))
            for guest in guests:
                server.sockets.remove(guest)
                guest.close()
            for client in (sender, receiver):
                assert receive(client, MESSAGE_BYTES) == message(0, number), "another message"


TICKS = 40


def receive_ticks(client):
    """The times of so many updates, which rise and are past."""
    text = receive(client, TICKS * MESSAGE_BYTES)
    times = [STAMP.unpack_from(text, start)[0] for start in range(0, len(text), MESSAGE_BYTES)]
    body = bytes(index & 255 for index in range(STAMP.size, MESSAGE_BYTES))
    assert text == b"".join(STAMP.pack(stamp) + body for stamp in times), "not the pattern"
    assert times == sorted(set(times)), "times do not rise"
    assert times[-1] <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return times


def are_too_fast(times):
    """An update that comes late does not shift those after it, so that the first half is compared by its most punctual."""
    period = 10 ** 9 // TICK_HZ
    starts = [stamp - index * period for index, stamp in enumerate(times)]
    return min(starts[TICKS // 2:]) < min(starts[:TICKS // 2]) - period


def tick(folder, command):
    """Each client gets updates whose times rise, not faster than the rate, and are past; what it sends is dropped."""
    with Server(folder, command, "tick", "--message-bytes", str(MESSAGE_BYTES), "--rate", str(TICK_HZ)) as server:
        clients = [server.connect() for _ in range(5)]
        for client in clients:
            client.sendall(b"dropped")
            # On a busy machine a whole half may come late.
            assert not all(are_too_fast(receive_ticks(client)) for _ in range(5)), "faster than it should be"


MODES = [
    echo, echo_on_threads, echo_on_addresses, echo_to_late_reader, echo_to_slow_readers, echo_until_half_close,
    echo_after_resets, fanout, fanout_to_late_reader, fanout_with_comings_and_goings, tick]


def main(folder, names):
    failed = 0
    for command in SERVERS:
        for mode in MODES:
            name = f"{'_'.join([command[0], *command[2::2]])}.{mode.__name__}"
            if names and not any(part in name for part in names):
                continue
            try:
                mode(Path(folder), command)
                print("PASSED", name, flush=True)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print("FAILED", name, repr(error), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
