"""A client of the servers: it is greeted with the address it is from, talks, and sees whether it is cut off."""

import random
import socket
import threading
import time

from programs import PATIENCE_S


def text_of(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Client:
    def __init__(self, address, source=None):
        self.stream = socket.create_connection(address, timeout=PATIENCE_S, source_address=source)
        self.reader = self.stream.makefile("rb")

    def own_address(self):
        return text_of(self.stream.getsockname())

    def greeting(self):
        """The name of the server, and the address that it sees."""
        line = self.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("no greeting")
        return line.decode().split()

    def talk(self, line):
        self.stream.sendall(line)
        if self.reader.read(len(line)) != line:
            raise ConnectionError("no echo")

    def finish(self):
        """The orderly end: everything was said, and nothing else comes back."""
        self.stream.shutdown(socket.SHUT_WR)
        if self.reader.read() != b"":
            raise ConnectionError("more than was said")

    def close(self):
        self.reader.close()
        self.stream.close()


class Load:
    """People who come, talk for a moment, and come again. Whoever does not finish was cut off, for each could."""

    def __init__(self, address, people, seed):
        self.address = address
        self.lock = threading.Lock()
        self.quit = threading.Event()
        self.finished = {}  # sessions by the name of their server
        self.cut = []
        self.misplaced = []
        self.threads = [threading.Thread(target=self.live, args=(random.Random(f"{seed} {n}"),), daemon=True)
                        for n in range(people)]
        for thread in self.threads:
            thread.start()

    def live(self, choices):
        while not self.quit.is_set():
            try:
                name = self.visit(choices)
            except OSError as error:
                with self.lock:
                    self.cut.append(repr(error))
                continue
            with self.lock:
                self.finished[name] = self.finished.get(name, 0) + 1

    def visit(self, choices):
        client = Client(self.address)
        try:
            name, remote = client.greeting()
            if remote != client.own_address():
                with self.lock:
                    self.misplaced.append((remote, client.own_address()))
            for _ in range(choices.randrange(1, 20)):
                client.talk(choices.randbytes(choices.randrange(1, 2000)))
                time.sleep(choices.random() * 0.03)
            client.finish()
            return name
        finally:
            client.close()

    def count(self, name):
        with self.lock:
            return self.finished.get(name, 0)

    def end(self):
        self.quit.set()
        for thread in self.threads:
            thread.join()
