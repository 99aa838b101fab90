"""The samples as processes, each with a watchdog: whatever waits for one of them goes on when its time is over."""

import re
import signal
import subprocess
import threading
from pathlib import Path

BIN = Path(__file__).resolve().parents[2] / "build" / "gcc-release" / "bin"
LIMIT_S = 120


class Program:
    """A process. What it prints is little enough for a pipe, or is read while it runs."""

    def __init__(self, name, *arguments, limit_s=LIMIT_S):
        self.process = subprocess.Popen([BIN / name, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.watchdog = threading.Timer(limit_s, self.process.kill)
        self.watchdog.start()

    def read_until(self, pattern):
        """The match of a pattern in the next line that has one."""
        seen = ""
        while line := self.process.stdout.readline():
            if match := re.search(pattern, line):
                return match
            seen += line
        raise AssertionError(f"no '{pattern}' in:\n{seen}")

    def type(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self):
        """Waits for the end: the exit code and what was not read of the output."""
        output, _ = self.process.communicate()
        self.watchdog.cancel()
        return self.process.returncode, output

    def kill(self):
        self.process.kill()
        if not self.process.stdout.closed:
            self.end()


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Server(Program):
    """chat_server when it is ready: `address` is where it listens, `page` where its status page is."""

    def __init__(self, *arguments, limit_s=LIMIT_S):
        super().__init__("chat_server", "--listen", "127.0.0.1:0", "--page", "127.0.0.1:0", *arguments, limit_s=limit_s)
        ready = self.read_until(r"listening on (\S+), .* page at http://(\S+)/")
        self.address, self.page = endpoint(ready[1]), endpoint(ready[2])

    def stop(self):
        """As after Ctrl-C: the exit code and the last lines."""
        self.interrupt()
        return self.end()


def crowd(address, *arguments, limit_s=LIMIT_S):
    """chat_client in load mode."""
    return Program("chat_client", "--connect", "%s:%d" % address, *arguments, limit_s=limit_s)


def verdict(output):
    """The counts of a crowd's verdict, by name."""
    line = re.search(r"verdict: (?P<clients>\d+) clients in rooms of \d+ said (?P<said>\d+) lines and heard (?P<heard>\d+): "
                     r"(?P<lost>\d+) lost, (?P<repeated>\d+) repeated, (?P<late>\d+) late, (?P<wrong>\d+) wrong; "
                     r"(?P<failed>\d+) clients failed", output)
    assert line, output
    return {name: int(count) for name, count in line.groupdict().items()}
