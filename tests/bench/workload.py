"""What is asked of a server, and the words by which a server and a load are told."""

from dataclasses import dataclass, replace

SERVER_CPU = 0
LOAD_CPU = 1
LIMIT_SECONDS = 3600
SMOKE_CONNECTIONS_MAX = 20
SMOKE_RATE_MAX = 2000
SMOKE_TICK_MS = 5


@dataclass(frozen=True)
class Workload:
    name: str
    load: str  # the load's mode
    connections: int
    message_bytes: int = 64
    server: str = "echo"  # the server's mode
    depth: int = 0
    rate: int = 0  # messages a second of an open loop; updates a second and session of a tick
    active: int = 0  # connections of an idle load that go on
    spins: bool = False  # an open load polls while nothing is due, and is more exact
    addresses: int = 1
    period_ms: int = 0  # from one message to the next, where that is long
    connects_per_slice: bool = False  # for servers that are busy as long as somebody is connected

    def small(self):
        """As much as shows that it works."""
        few = min(self.connections, SMOKE_CONNECTIONS_MAX)
        small = replace(self, connections=few, active=min(self.active, few // 2), rate=min(self.rate, SMOKE_RATE_MAX))
        return small if self.server != "tick" else replace(small, rate=1000 // SMOKE_TICK_MS, period_ms=SMOKE_TICK_MS)

    def of_server(self, folder, contestant):
        """The server's command line."""
        command = [folder / contestant.program, self.server, *contestant.options, "--cpu", SERVER_CPU]
        if self.server != "echo":
            command += ["--message-bytes", self.message_bytes]
        if self.server == "tick":
            command += ["--rate", self.rate]
        return command + self.where()

    def of_load(self, folder, server, load_cpu):
        """The load's command line."""
        command = [folder / "bench_load", self.load, "--server-pid", server.pid, "--to", f"127.0.0.1:{server.port}",
                   "--cpu", load_cpu, "--connections", self.connections, "--message-bytes", self.message_bytes,
                   "--limit-seconds", LIMIT_SECONDS]
        for option, value in (("--depth", self.depth), ("--active", self.active)):
            command += [option, value] if value else []
        if self.load == "open":
            command += ["--rate", self.rate, *(["--spin"] if self.spins else [])]
        return command + self.where()

    def where(self):
        return ["--addresses", self.addresses] if self.addresses > 1 else []
