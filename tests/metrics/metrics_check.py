"""The page for Prometheus, as Prometheus' own parser reads it. The library is loaded as a host would that has no header."""

import ctypes
import socket
import unittest
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

LIBRARY = Path(__file__).resolve().parents[2] / "build" / "gcc-release" / "lib" / "libiocpnet.so.1"


class Service:
    """A service that is driven by the library, with a listener."""

    def __init__(self):
        self.library = ctypes.CDLL(str(LIBRARY))
        self.service = ctypes.c_uint64()
        listener = ctypes.c_uint64()
        self.call("service_create", None, ctypes.byref(self.service))
        self.call("listener_open", self.service, b"127.0.0.1:0", None, ctypes.byref(listener))
        address = ctypes.create_string_buffer(64)
        self.call("listener_address", listener, address, ctypes.c_uint32(len(address)))
        self.call("service_start", self.service)
        host, port = address.value.decode().rsplit(":", 1)
        self.address = (host, int(port))

    def call(self, name, *arguments):
        status = getattr(self.library, "iocpnet_" + name)(*arguments)
        if status < 0:
            raise OSError(f"{name}: {status}")
        return status

    def statistic(self, name):
        """A counter of iocpnet_service_statistics, found by its name."""
        offset, size = ctypes.c_uint32(), ctypes.c_uint32()
        self.call("layout", b"iocpnet_service_statistics", None, ctypes.byref(size))
        statistics = ctypes.create_string_buffer(size.value)
        self.call("service_stats", self.service, statistics, size)
        self.call("layout", b"iocpnet_service_statistics." + name, ctypes.byref(offset), None)
        return ctypes.c_uint64.from_buffer(statistics, offset.value).value

    def page(self, name):
        text = ctypes.create_string_buffer(65536)
        self.call("service_metrics", self.service, name, text, ctypes.c_uint32(len(text)))
        return {family.name: family for family in text_string_to_metric_families(text.value.decode())}

    def destroy(self):
        self.call("service_destroy", self.service)


class Page(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.destroy)

    def test_numbers_are_those_of_the_statistics(self):
        with socket.create_connection(self.service.address) as peer:
            peer.sendall(b"x" * 1000)
            while self.service.statistic(b"bytes_received") < 1000:
                pass
            page = self.service.page(None)
            self.assertEqual(page["iocpnet_accepts"].samples[0].value, 1)
            self.assertEqual(page["iocpnet_sessions"].samples[0].value, 1)
            self.assertEqual(page["iocpnet_received_bytes"].samples[0].value, 1000)
            self.assertEqual(page["iocpnet_received_bytes"].type, "counter")
            self.assertEqual(page["iocpnet_sessions"].type, "gauge")

    def test_ends_are_counted_by_reason(self):
        socket.create_connection(self.service.address).close()
        while self.service.statistic(b"disconnects") < 1:
            pass
        reasons = {sample.labels["reason"]: sample.value for sample in self.service.page(None)["iocpnet_disconnects"].samples}
        self.assertEqual(reasons["peer closed"], 1)
        self.assertEqual(sum(reasons.values()), 1)

    def test_any_name_comes_back_as_it_was(self):
        name = 'a "lobby" \\ in\nZürich'
        for family in self.service.page(name.encode()).values():
            for sample in family.samples:
                self.assertEqual(sample.labels["service"], name)

    def test_histogram_ends_with_all(self):
        family = self.service.page(None)["iocpnet_callback_seconds"]
        self.assertEqual(family.type, "histogram")
        bounds = [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]
        self.assertEqual(bounds[-1], "+Inf")
        self.assertEqual([float(bound) for bound in bounds], sorted(float(bound) for bound in bounds))

    def test_every_family_has_help_and_a_type(self):
        for family in self.service.page(b"lobby").values():
            self.assertNotEqual(family.documentation, "")
            self.assertIn(family.type, ("counter", "gauge", "histogram"))
