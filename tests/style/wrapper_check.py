"""The C++ wrapper has all of the C interface."""
import re
import sys
import unittest

import project

# What the wrapper has no use for: its own means, or the general form, stand for it.
WITHOUT = {
    "iocpnet_allocator_init",   # set_allocator takes the struct as it is
    "iocpnet_get_api",          # for hosts that load the library by hand
    "iocpnet_layout",           # the same
    "iocpnet_group_broadcast",  # iocpnet_group_broadcast_except, of nobody
}


def exported():
    return set(re.findall(r"\biocpnet_\w+", (project.ROOT / "api/iocpnet.exports").read_text()))


def wrapped():
    headers = (project.ROOT / "bindings/cpp/iocpnet").glob("*.hpp")
    return {name for header in headers for name in re.findall(r"\biocpnet_\w+", header.read_text())}


class Wrapper(unittest.TestCase):
    def test_every_function_is_wrapped(self):
        self.assertEqual(exported() - wrapped(), WITHOUT)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
