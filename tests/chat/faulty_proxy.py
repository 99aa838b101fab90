"""Between a crowd and its server: hands everything on, but does one wrong to one line that somebody should hear."""

import socket
import struct
import threading

import protocol


def kind_of(whole):
    return struct.unpack_from("<H", whole, 2)[0]


def speaker_of(whole):
    return protocol.parse(protocol.SAID, whole[4:])[1]


class FaultyProxy:
    """`fault`: lose, repeat, swap, alter, or none. It strikes once, at the line of that number (of all that are heard)."""

    def __init__(self, server, fault, at_line=50):
        self.server = server
        self.fault = fault
        self.lines_left = at_line
        self.lock = threading.Lock()
        self.held = None  # of swap: (connection, line)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            threading.Thread(target=self.hand_up, args=(client, server), daemon=True).start()
            threading.Thread(target=self.hand_down, args=(server, client), daemon=True).start()

    @staticmethod
    def hand_up(client, server):
        while taken := client.recv(65536):
            server.sendall(taken)
        server.shutdown(socket.SHUT_WR)

    def hand_down(self, server, client):
        while whole := protocol.read_frame(server):
            client.sendall(self.judge(client, whole) if kind_of(whole) == protocol.SAID else whole)
        client.shutdown(socket.SHUT_WR)

    def judge(self, client, line):
        """What is sent instead of a line."""
        with self.lock:
            if self.held and self.held[0] is client and speaker_of(self.held[1]) == speaker_of(line):
                held, self.held = self.held[1], None
                return line + held
            self.lines_left -= 1
            return self.strike(client, line) if self.lines_left == 0 else line

    def strike(self, client, line):
        if self.fault == "lose":
            return b""
        if self.fault == "repeat":
            return line + line
        if self.fault == "swap":
            self.held = (client, line)
            return b""
        if self.fault == "alter":
            return line[:-1] + bytes([line[-1] ^ 1])
        return line

    def close(self):
        self.listener.close()
