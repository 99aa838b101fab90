"""The programs of this suite: HAProxy and the servers behind it. Each is ended by whoever has started it."""

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

BIN = Path(__file__).resolve().parents[2] / "build" / "gcc-release" / "bin"
LIMIT_S = 120
PATIENCE_S = 20
PROXY_IP = "127.0.0.1"  # where HAProxy connects to the servers from


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"still not: {what}")
        time.sleep(0.01)


class Server:
    """A server that believes those at `trusted`."""

    def __init__(self, name, port, trusted=PROXY_IP):
        self.process = subprocess.Popen([BIN / "haproxy_server", name, port, trusted], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.watchdog = threading.Timer(LIMIT_S, self.process.kill)
        self.watchdog.start()
        self.lock = threading.Lock()
        self.name = name
        host, port = re.fullmatch(r"listens on (.*):(\d+)\n", self.process.stdout.readline()).groups()
        self.address = (host, int(port))

    def order(self, command):
        with self.lock:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", self.process.stdout.readline())}

    def counts(self):
        return self.order("counts")

    def end(self, command):
        """Drains it, or cuts its sessions off; what became of them."""
        result = self.order(command)
        assert self.process.wait() == 0, f"server {self.name} ended with {self.process.returncode}"
        return result

    def kill(self):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


CONFIGURATION = """
global
    stats socket {folder}/socket mode 600 level admin
    maxconn 2000
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend clients
{binds}
    default_backend servers
backend servers
    balance roundrobin
    default-server inter 100ms rise 1 fall 1
{servers}
"""


class HaProxy:
    """HAProxy in front of servers: `servers` are (server, options). Its sockets are made here, so that no port is guessed."""

    def __init__(self, *servers):
        self.folder = tempfile.mkdtemp(prefix="haproxy-")
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=512)]
        if socket.has_ipv6:
            try:
                self.sockets.append(socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=512))
            except OSError:
                pass  # this machine has no IPv6
        self.addresses = [bound.getsockname()[:2] for bound in self.sockets]
        self.process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", self.configure(servers)],
                                        pass_fds=[bound.fileno() for bound in self.sockets],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        self.watchdog = threading.Timer(LIMIT_S, self.process.kill)
        self.watchdog.start()
        # What it says on standard error is little, and read at its end.
        wait_until(self.is_ready, "HAProxy answers")

    def configure(self, servers):
        path = Path(self.folder) / "haproxy.cfg"
        binds = "\n".join(f"    bind fd@{bound.fileno()}" for bound in self.sockets)
        lines = "\n".join(f"    server {server.name} {server.address[0]}:{server.address[1]} check {options}"
                          for server, options in servers)
        path.write_text(CONFIGURATION.format(folder=self.folder, binds=binds, servers=lines), encoding="utf-8")
        return path

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("HAProxy ended:\n" + self.process.stderr.read())
        try:
            return "servers" in self.order("show servers state")
        except OSError:
            return False

    def order(self, command):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(PATIENCE_S)
            stream.connect(self.folder + "/socket")
            stream.sendall(command.encode() + b"\n")
            answer = b""
            while taken := stream.recv(65536):
                answer += taken
        return answer.decode()

    def status(self, name):
        """UP, DOWN, DRAIN, ... of a server, and the connections it has."""
        lines = self.order("show stat").lstrip("# ").splitlines()
        head = lines[0].split(",")
        for line in lines[1:]:
            row = dict(zip(head, line.split(",")))
            if row.get("pxname") == "servers" and row.get("svname") == name:
                return row["status"], int(row["scur"])
        raise AssertionError(f"HAProxy knows no {name}")

    def rest(self, name):
        """Sends nobody to a server any more; those who are there stay."""
        self.order(f"set server servers/{name} state drain")

    def resume(self, name, server):
        """Sends people to a server that took the place of another."""
        host, port = server.address
        answer = self.order(f"set server servers/{name} addr {host} port {port}")
        assert "changed" in answer, answer
        self.order(f"set server servers/{name} state ready")
        wait_until(lambda: self.status(name)[0].startswith("UP"), f"{name} is up")

    def end(self):
        self.watchdog.cancel()
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        for bound in self.sockets:
            bound.close()
        shutil.rmtree(self.folder)
