"""The servers that are compared."""

import ctypes
import os
from dataclasses import dataclass

IO_URING_SETUP = 425
PARAMETERS_BYTES = 120  # sizeof(struct io_uring_params)


@dataclass(frozen=True)
class Contestant:
    key: str
    name: str
    program: str
    options: tuple = ()

    @property
    def needs_io_uring(self):
        return "uring" in self.key


def iocpnet(port, delivery, driving):
    """A ring that threads share, as it is where the host drives, is slower: see docs/architecture.md."""
    short = {"epoll": "epoll", "io_uring": "uring"}[port]
    batches = delivery == "batches"
    key = f"iocpnet-{short}" + ("-batches" if batches else "")
    name = f"iocpnet {port}" + (", batches" if batches else "")
    options = ("--port", port, "--delivery", delivery, "--driving", driving)
    return Contestant(key, name, "server_iocpnet", options)


EPOLL = Contestant("epoll", "hand-written epoll", "server_epoll")
# What a library can not leave out where connections come and go: see server_epoll.h.
EPOLL_CAREFUL = Contestant("epoll-careful", "hand-written epoll, careful", "server_epoll", ("--careful", "1"))
# And what each session of a service has: see epoll_care.h.
EPOLL_SESSIONS = Contestant("epoll-sessions", "hand-written epoll, sessions", "server_epoll", ("--careful", "2"))
URING = Contestant("uring", "hand-written io_uring", "server_uring")
UV = Contestant("uv", "libuv", "server_uv")
ASIO = Contestant("asio", "Asio", "server_asio")
LIBEVENT = Contestant("libevent", "libevent", "server_libevent")
IOCPNET_EPOLL = iocpnet("epoll", "callbacks", "host")
IOCPNET_EPOLL_BATCHES = iocpnet("epoll", "batches", "host")
IOCPNET_URING = iocpnet("io_uring", "callbacks", "library")
IOCPNET_URING_BATCHES = iocpnet("io_uring", "batches", "library")

HAND_WRITTEN = (EPOLL, URING)
LIBRARIES = (UV, ASIO, LIBEVENT)
PORTS = (IOCPNET_EPOLL, IOCPNET_URING)
# Each with the hand-written server that it is held against.
LEVEL_WITH = ((IOCPNET_EPOLL, EPOLL), (IOCPNET_URING, URING))
ALL = (*HAND_WRITTEN, IOCPNET_EPOLL, IOCPNET_EPOLL_BATCHES, IOCPNET_URING, IOCPNET_URING_BATCHES, *LIBRARIES)


def io_uring_works():
    """Containers and old kernels may refuse it."""
    libc = ctypes.CDLL(None, use_errno=True)
    ring = libc.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(PARAMETERS_BYTES))
    if ring >= 0:
        os.close(ring)
    return ring >= 0


def chosen(wanted):
    """All, or those whose keys are wanted; epoll is what the others are compared with."""
    unknown = set(wanted) - {each.key for each in ALL}
    if unknown:
        raise ValueError(f"unknown server: {', '.join(sorted(unknown))}; there are {', '.join(e.key for e in ALL)}")
    found = [each for each in ALL if not wanted or each.key in wanted or each is EPOLL]
    return found if io_uring_works() else [each for each in found if not each.needs_io_uring]
