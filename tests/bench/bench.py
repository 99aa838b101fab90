"""What the goals share: where the programs are, who takes part, how long and how often is measured."""

import os
import random
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import contestants
from program import Load, Server
from workload import LOAD_CPU


@dataclass
class Bench:
    folder: Path  # of the programs
    rounds: int = 9
    slice_ms: int = 600
    warm_ms: int = 40  # before each slice
    smoke: bool = False
    servers: tuple = ()  # keys of contestants, all if empty
    workloads: tuple = ()  # parts of names without blanks and commas, all if empty
    chance: random.Random = field(default_factory=random.Random)
    running: list = field(default_factory=list)  # every program that may use a CPU

    def contestants(self, among=contestants.ALL):
        return [each for each in contestants.chosen(self.servers) if each in among]

    def chosen(self, workloads):
        found = [each for each in workloads
                 if not self.workloads or any(part in re.sub("[ ,]", "", each.name) for part in self.workloads)]
        return [each.small() for each in found] if self.smoke else found

    @contextmanager
    def server(self, contestant, workload, options=()):
        command = workload.of_server(self.folder, contestant)
        with self.started(Server([*command, *options])) as server:
            yield server

    @contextmanager
    def load(self, workload, server, polite=False):
        cpu = min(LOAD_CPU, os.cpu_count() - 1)
        with self.started(Load(workload.of_load(self.folder, server, cpu), polite)) as load:
            yield load

    @contextmanager
    def started(self, program):
        self.running.append(program)
        try:
            with program:
                yield program
        finally:
            self.running.remove(program)
