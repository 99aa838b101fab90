"""On what was measured: the machine, the kernel, the compiler and the libraries."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

PACKAGES = ("libuv1-dev", "libasio-dev", "libevent-dev")


def output(*command):
    try:
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def processor():
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def memory():
    kib = int(re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))[1])
    return f"{kib / 2**20:.0f} GiB of memory"


def virtual():
    return ", a virtual machine" if " hypervisor " in Path("/proc/cpuinfo").read_text(encoding="utf-8") else ""


def compiler(folder):
    """As CMake was told, with its flags."""
    cache = folder.parent / "CMakeCache.txt"
    if not cache.exists():
        return "unknown"
    entries = dict(re.findall(r"^(\w+):\w+=(.*)$", cache.read_text(encoding="utf-8"), re.MULTILINE))
    kind = entries.get("CMAKE_BUILD_TYPE", "").upper()
    version = output(entries.get("CMAKE_C_COMPILER", "cc"), "--version").split("\n")[0]
    return f"{version}, {entries.get('CMAKE_C_FLAGS_' + kind, '')}"


def version(package):
    return f"{package} {output('dpkg-query', '-W', '-f', '${Version}', package) or 'unknown'}"


def system():
    release = re.search(r'^PRETTY_NAME="(.+)"$', Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    return f"Linux {platform.release()}, {release[1] if release else 'unknown distribution'}"


def facts(folder, bench):
    commit = output("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")
    return [f"{time.strftime('%Y-%m-%d')}, iocpnet at {commit or 'an unknown commit'}",
            f"{processor()}, {os.cpu_count()} CPUs, {memory()}{virtual()}",
            system(),
            compiler(folder),
            ", ".join(version(package) for package in PACKAGES),
            f"{bench.rounds} rounds, slices of {bench.slice_ms} ms"]
