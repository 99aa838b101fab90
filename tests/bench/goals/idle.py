"""User memory of sessions that do nothing."""

from dataclasses import replace

from contestants import PORTS
from plots import Panel
from report import Report
from spread import spread
from tables import Table, whole
from verdict import at_most
from workload import Workload

NAME = "idle"
TITLE = "user memory per idle session"
ABOUT = """
The growth of the server's resident memory (all pages that it has touched) over 10,000 connections, each of which has
echoed one message of 64 bytes and then is silent, divided by 10,000. A hundred connections that came before are not
counted, and with them not what a server touches once. A new server for each measurement.
"""
FIRST = Workload("first", "idle", 100)
SESSIONS = Workload("10,000 sessions", "idle", 10_000)
BYTES_MAX = 256
TOLERANCE = 25
TIMES = 3


def bytes_per_session(bench, contestant, first, sessions):
    with bench.server(contestant, sessions) as server, bench.load(first, server):
        before = server.resident_bytes()
        with bench.load(sessions, server):
            return (server.resident_bytes() - before) / sessions.connections


def measure(bench):
    first, sessions = (FIRST.small(), replace(SESSIONS, connections=200)) if bench.smoke else (FIRST, SESSIONS)
    times = 1 if bench.smoke else TIMES
    found = [(each, spread(bytes_per_session(bench, each, first, sessions) for _ in range(times)))
             for each in bench.contestants()]
    report = Report()
    rows = [[each.name, whole(one.median), whole(one.low), whole(one.high)] for each, one in found]
    head = ["server", "median", "lower quartile", "upper quartile"]
    report.add(Table(f"Bytes per session, {times} servers each", head, rows))
    report.verdicts = [at_most(each.name, one, BYTES_MAX, TOLERANCE) for each, one in found if each in PORTS]
    named = [(each.name, one) for each, one in found]
    report.panels = [Panel("Bytes per idle session", named, at=BYTES_MAX, digits=0)]
    return report
