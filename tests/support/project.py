"""What the checks know about the project: its files, its sources and how they are compiled."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("api/", "impl/", "bindings/", "samples/", "tests/")
CODE_SUFFIXES = (".c", ".h", ".cpp", ".hpp")
SOURCE_LISTS = ("COMMON", "LINUX", "WINDOWS", "SIMULATED")

INCLUDES = ["-Iapi", "-Iimpl"]
TESTABLE = ["-DICN_DEBUG_CHECKS=1", "-DICN_TEST_HOOKS=1"]
LINUX_FLAGS = ["-std=c11", "-D_GNU_SOURCE", *TESTABLE, *INCLUDES]
SIMULATED_FLAGS = [*LINUX_FLAGS, "-DICN_SIMULATION=1"]
WINDOWS_DEFINES = ["-D_WIN32_WINNT=0x0602", "-DWIN32_LEAN_AND_MEAN=", "-DNOMINMAX="]
MINGW_FLAGS = ["--target=x86_64-w64-mingw32", "-std=c11", *WINDOWS_DEFINES, *TESTABLE, *INCLUDES]


def run(*command, text=None):
    """The exit code and the output, errors included, of a command in the project's top folder."""
    done = subprocess.run(command, cwd=ROOT, input=text, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def in_ci():
    return os.environ.get("CI") == "true"


def files():
    """Paths of the project's files: those in git and new ones, without what git ignores. Whoever owns the folder."""
    code, names = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard")
    if code != 0:
        raise RuntimeError(names)
    return sorted(name for name in set(names.splitlines()) if (ROOT / name).is_file())


def code_files(*suffixes):
    return [name for name in files() if name.startswith(CODE_FOLDERS) and name.endswith(suffixes or CODE_SUFFIXES)]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def sources(*lists):
    """The files of some lists of impl/sources.cmake, as paths from the top."""
    text = re.sub(r"#.*", "", read("impl/sources.cmake"))
    found = dict(re.findall(r"set\(IOCPNET_SOURCES_(\w+)\s([^)]*)\)", text))
    return ["impl/" + name for which in lists or SOURCE_LISTS for name in found[which].split()]


def msvc_flags():
    """Flags under which clang takes C as Microsoft's compiler does, with the Windows headers of mingw-w64."""
    _, resources = run("clang", "-print-resource-dir")
    return ["--target=x86_64-pc-windows-msvc", "-fgnuc-version=4.2.1", "-fms-compatibility-version=19.40",
            "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wgnu", "-Wvla", "-Werror", "-nostdinc",
            "-isystem", resources.strip() + "/include", "-isystem", "/usr/share/mingw-w64/include"]
