"""The rules of the layers: what a file of impl/ may include, and where platform conditions may stand."""

import re

LAYERS = ["base", "os", "util", "port", "net", "service", "api"]
PLATFORM_LAYERS = {"base", "os", "port"}
STANDARD_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
    "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "time.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
PLATFORM = re.compile(
    r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\b(_WIN32|_WIN64|_MSC_VER|__MINGW\w+|__linux__|__unix__|__APPLE__)\b")


def layer_of(path):
    """The layer of a path relative to impl/. Files at the top of impl/ are the exported functions."""
    folder, slash, _ = path.partition("/")
    return folder if slash else "api"


def include_fault(path, kind, name, platform_file):
    """Why a file may not include a header, or None."""
    layer = layer_of(path)
    if kind == "<":
        allowed = name in STANDARD_HEADERS or layer in PLATFORM_LAYERS or platform_file
        return None if allowed else f"system header <{name}> above the platform layers"
    if name == "iocpnet.h":
        return None
    target = layer_of(name)
    if target not in LAYERS or (target == "api" and layer != "api"):
        return f'"{name}" names no layer'
    if LAYERS.index(target) > LAYERS.index(layer):
        return f'"{name}" points up, from {layer} to {target}'
    if re.match(r"os/(linux|windows|sim)/", name) and layer not in ("os", "port"):
        return f'"{name}" is behind the os contract'
    return None


def faults(path, text, platform_file=False):
    """All faults of one file, by line. A platform file is one that CMake selects for one system."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        fault = include and include_fault(path, include[1], include[2], platform_file)
        if fault:
            found.append(f"impl/{path}:{number}: {fault}")
        if PLATFORM.match(line) and layer_of(path) not in PLATFORM_LAYERS and not platform_file:
            found.append(f"impl/{path}:{number}: platform condition above the platform layers")
    return found
