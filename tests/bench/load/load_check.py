#!/usr/bin/env python3
"""
Shows that the load generator says what a server does wrong, and counts what a good one does.

    load_check.py PROGRAM [NAME...]     the path of bench_load; names of checks, or parts of them
"""

import json
import os
import subprocess
import sys
import threading

import faulty_servers as servers

WATCHDOG_SECONDS = 60
STALL_SECONDS = 15  # where silence is not what is checked: the machine may be busy
PEERS = 5
GOOD = 0
WRONG = 1
USAGE = 2
LIMIT = 3


class Outcome:
    """How a run of the load generator ended."""

    def __init__(self, code, output, errors):
        self.code = code
        self.is_ready = output.startswith("ready\n")
        self.slices = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        self.errors = errors.strip()

    def __str__(self):
        return f"exit code {self.code}, {len(self.slices)} slices, {self.errors!r}"


def load(port, mode, *options, ms=(100, 100), stays=False):
    """Runs the program. `stays`: its input does not end, so that it has to end by itself."""
    command = [PROGRAM, mode, "--server-pid", str(os.getpid()), "--to", f"{servers.ADDRESSES[0]}:{port}",
               "--message-bytes", str(servers.MESSAGE), "--connections", str(PEERS), "--stall-seconds", str(STALL_SECONDS),
               *options]
    commands = "".join(f"run {each}\n" for each in ms)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        watchdog = threading.Timer(WATCHDOG_SECONDS, process.kill)
        watchdog.start()
        try:
            process.stdin.write(commands)
            process.stdin.flush()
            if stays:
                process.wait()
        except BrokenPipeError:
            pass
        output, errors = process.communicate()
        watchdog.cancel()
    return Outcome(process.returncode, output, errors)


def check(condition, what):
    if not condition:
        raise AssertionError(str(what))


def check_slice(figures, mode):
    check(figures["mode"] == mode and figures["errors"] == 0, figures)
    check(figures["bytes"] == figures["messages"] * figures["message_bytes"], figures)
    check(figures["seconds"] >= 0.1 and figures["server_cpu_ns"] > 0 and figures["load_cpu_ns"] > 0, figures)
    latencies = [figures[name] for name in ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")]
    check(latencies == sorted(latencies), figures)


def good(kind, mode, *options, messages_of=None, is_idle=False):
    """A run that ends well; as many messages as the server got, by `messages_of(server)`."""

    def run_for(slice_ms):
        """The messages of each slice."""
        with kind() as server:
            outcome = load(server.port, mode, *options, ms=(slice_ms, slice_ms))
        check(outcome.code == GOOD and outcome.is_ready and len(outcome.slices) == 2, outcome)
        for figures in outcome.slices:
            check_slice(figures, mode)
        messages = [figures["messages"] for figures in outcome.slices]
        if messages_of:
            check(sum(messages) == messages_of(server), f"{messages} messages, the server had {messages_of(server)}")
        return messages

    def run():
        for slice_ms in (100, 1000, 5000):  # on a busy machine nothing may come in a short one
            messages = run_for(slice_ms)
            if all(is_idle == (number == 0) for number in messages):
                return
        raise AssertionError(f"{messages} messages")

    return run


def without_first(message_bytes=servers.MESSAGE):
    """Messages that an echo server got, but for those by which the connections were made."""
    return lambda server: server.received // message_bytes - PEERS


def deliveries(server):
    """Without those while the connections were made, one after another."""
    return (server.rounds - PEERS) * PEERS


def wrong(kind, mode, words, *options, ms=(100,) * 50):
    """A run that ends by itself, and says why. Slices that are short: what does not come is missed at their end."""

    def run():
        with kind() as server:
            stall = ["--stall-seconds", "1"] if words == SILENT else []
            outcome = load(server.port, mode, *options, *stall, stays=True, ms=ms)
        check(outcome.code == WRONG and words in outcome.errors, outcome)

    return run


def latency_counts_from_the_time_a_message_was_due():
    """Of a second, 0.3 s without an answer delay 3 messages of 10, not just the one that was in flight."""
    with servers.echo_but(servers.pause)() as server:
        outcome = load(server.port, "open", "--rate", "1000", ms=[1000])
    check(outcome.code == GOOD, outcome)
    figures = outcome.slices[0]
    check(figures["p90_us"] > 1e6 * servers.PAUSE_SECONDS / 4, figures)
    check(figures["max_us"] > 1e6 * servers.PAUSE_SECONDS * 0.9, figures)


def open_loop_keeps_its_rate():
    for arguments in ([], ["--uniform"], ["--spin"]):
        messages = []
        while not (messages and 250 < messages[-1] < 600):
            check(len(messages) < 10, messages)  # the machine may be busy
            with servers.Echo() as server:
                outcome = load(server.port, "open", "--rate", "2000", *arguments, ms=[250])
            check(outcome.code == GOOD, outcome)
            messages.append(outcome.slices[0]["messages"])


def generator_says_that_it_is_saturated():
    with servers.Echo() as server:
        outcome = load(server.port, "open", "--rate", "5000000")
    check(outcome.code == GOOD and all(figures["saturated"] for figures in outcome.slices), outcome.slices)
    for figures in outcome.slices:
        check(figures["late"] > 0 and figures["p50_us"] > figures["lag_p50_us"] > 10000, figures)


def idle_reports_the_memory_of_the_server():
    with servers.Echo() as server:
        outcome = load(server.port, "idle", "--active", "2")
    for figures in outcome.slices:
        check(figures["rss_now_kb"] > 1000 and figures["rss_before_kb"] > 1000 and figures["active"] == 2, figures)


def targets_and_sources_are_spread_over_addresses():
    with servers.Echo() as server:
        outcome = load(server.port, "closed", "--addresses", "3", "--connections", "30", "--per-source", "5")
    pairs = [(target, source) for target in servers.ADDRESSES for source in servers.ADDRESSES[:2]]
    check(outcome.code == GOOD and sorted(server.accepted) == [pair for pair in pairs for _ in range(5)],
          sorted(server.accepted))


def limit_of_time_ends_it():
    with servers.Echo() as server:
        outcome = load(server.port, "closed", "--limit-seconds", "1", ms=[60000], stays=True)
    check(outcome.code == LIMIT and "--limit-seconds" in outcome.errors, outcome)


def no_server_is_a_failure():
    with servers.Echo() as server:
        port = server.port
    for mode in ("closed", "churn", "fanout", "tick"):
        outcome = load(port, mode)
        check(outcome.code == WRONG and "refused" in outcome.errors, outcome)


def wrong_usage_is_told():
    for options in (["--depth", "0"], ["--unknown"], ["--active", "6"], ["--rate"]):
        outcome = load(1, "closed", *options)
        check(outcome.code == USAGE and options[0] in outcome.errors, outcome)


def unknown_command_is_told():
    with servers.Echo() as server:
        outcome = load(server.port, "closed", ms=["soon"])
    check(outcome.code == USAGE and "run soon" in outcome.errors, outcome)


LARGE = 300000
SILENT = "nothing came from the server for 1 s"
DIFFERS = f"connection {servers.PLANTED_PEER}: byte {servers.PLANTED_AT} of the echo is"
CHECKS = {
    "closed.good": good(servers.Echo, "closed", messages_of=without_first()),
    "closed.good_in_depth": good(servers.Echo, "closed", "--depth", "16", messages_of=without_first()),
    "closed.good_large": good(servers.Echo, "closed", "--depth", "4", "--message-bytes", str(LARGE),
                              messages_of=without_first(LARGE)),
    "closed.wrong_byte": wrong(servers.echo_but(servers.flip), "closed", DIFFERS),
    "closed.wrong_byte_in_depth": wrong(servers.echo_but(servers.flip), "closed", DIFFERS, "--depth", "16"),
    "closed.lost_byte": wrong(servers.echo_but(servers.drop_byte), "closed", DIFFERS),
    "closed.lost_byte_in_depth": wrong(servers.echo_but(servers.drop_byte), "closed", DIFFERS, "--depth", "16"),
    "closed.doubled_byte": wrong(servers.echo_but(servers.double_byte), "closed", "more bytes came back"),
    "closed.swapped_messages": wrong(servers.SwapsMessages, "closed", f"connection {servers.PLANTED_PEER}: byte",
                                     "--depth", "4"),
    "closed.other_connection": wrong(servers.echo_but(servers.send_to_another), "closed", "connection 1:"),
    "closed.no_echo": wrong(servers.echo_but(servers.swallow), "closed", SILENT),
    "closed.closed": wrong(servers.echo_but(servers.close), "closed", "closed by the server"),
    "closed.reset": wrong(servers.echo_but(servers.reset), "closed", "Connection reset"),
    "closed.byte_between_slices": wrong(servers.TalksAtRest, "closed", "more bytes came back", ms=[100]),
    "closed.closed_between_slices": wrong(servers.ClosesAtRest, "closed", "closed by the server", ms=[100]),
    "open.good": good(servers.Echo, "open", "--rate", "3000", messages_of=without_first()),
    "open.wrong_byte": wrong(servers.echo_but(servers.flip), "open", DIFFERS, "--rate", "3000"),
    "open.lost_byte": wrong(servers.echo_but(servers.drop_byte), "open", "connection 2:", "--rate", "3000"),
    "open.rate": open_loop_keeps_its_rate,
    "open.latency": latency_counts_from_the_time_a_message_was_due,
    "open.saturated": generator_says_that_it_is_saturated,
    "churn.good": good(servers.Echo, "churn", messages_of=without_first()),
    "churn.closed": wrong(servers.ClosesEachVisit, "churn", "closed by the server"),
    "churn.wrong_byte": wrong(servers.echo_but(servers.flip), "churn", DIFFERS, "--message-bytes",
                              str(2 * servers.PLANTED_AT)),
    "idle.good": good(servers.Echo, "idle", is_idle=True),
    "idle.active": good(servers.Echo, "idle", "--active", "2", messages_of=without_first()),
    "idle.memory": idle_reports_the_memory_of_the_server,
    "idle.byte_in_a_slice": wrong(servers.TalksAtRest, "idle", "more bytes came back", ms=[5000]),
    "fanout.good": good(servers.Fanout, "fanout", messages_of=deliveries),
    "fanout.good_in_depth": good(servers.Fanout, "fanout", "--depth", "4", messages_of=deliveries),
    "fanout.wrong_byte": wrong(servers.sends_but(servers.Fanout, servers.flip_last), "fanout", "not what was sent"),
    "fanout.wrong_round": wrong(servers.sends_but(servers.Fanout, servers.flip_first), "fanout", "not what was sent"),
    "fanout.left_out": wrong(servers.sends_but(servers.Fanout, servers.nothing), "fanout", SILENT),
    "fanout.lost_byte": wrong(servers.sends_but(servers.Fanout, servers.without_last), "fanout", SILENT),
    "fanout.twice": wrong(servers.sends_but(servers.Fanout, servers.twice), "fanout", "that came twice",
                          "--depth", "2"),
    "fanout.mistaken_receiver": wrong(servers.FanoutMistakesReceiver, "fanout", "that came twice"),
    "fanout.earlier_round": wrong(servers.FanoutOfEarlierRound, "fanout", "of no round that runs"),
    "tick.good": good(servers.Tick, "tick"),
    "tick.wrong_byte": wrong(servers.sends_but(servers.Tick, servers.flip_last), "tick", "not what it should be",
                             ms=[5000]),
    "tick.lost_byte": wrong(servers.sends_but(servers.Tick, servers.without_last), "tick", "not what it should be",
                            ms=[5000]),
    "tick.twice": wrong(servers.sends_but(servers.Tick, servers.twice), "tick", "not later than", ms=[5000]),
    "tick.future": wrong(servers.sends_but(servers.Tick, servers.an_hour_ahead), "tick", "a time to come", ms=[5000]),
    "tick.between_slices": wrong(servers.sends_but(servers.Tick, servers.flip_last), "tick", "not what it should be",
                                 ms=[]),
    "tick.silent": wrong(servers.StopsTicking, "tick", SILENT),
    "addresses": targets_and_sources_are_spread_over_addresses,
    "limit": limit_of_time_ends_it,
    "no_server": no_server_is_a_failure,
    "usage": wrong_usage_is_told,
    "command": unknown_command_is_told}


def main(names):
    failed = 0
    for name, run in CHECKS.items():
        if names and not any(part in name for part in names):
            continue
        try:
            run()
            print("PASSED", name, flush=True)
        except (AssertionError, OSError) as error:
            failed += 1
            print("FAILED", name, error, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    sys.exit(main(sys.argv[2:]))
