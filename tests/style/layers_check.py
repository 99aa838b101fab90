import unittest

import layers
import project


class Layers(unittest.TestCase):
    def test_includes_point_down_and_platform_conditions_stay_below(self):
        selected = set(project.sources("LINUX", "WINDOWS"))
        found = []
        for name in project.code_files(".c", ".h"):
            if name.startswith("impl/"):
                found += layers.faults(name[len("impl/"):], project.read(name), name in selected)
        self.assertEqual(found, [])


class PlantedFaults(unittest.TestCase):
    def assert_fault(self, path, text, words):
        found = layers.faults(path, text)
        self.assertEqual(len(found), 1)
        self.assertIn(words, found[0])

    def test_include_that_points_up_is_found(self):
        self.assert_fault("util/log.c", '#include "net/session.h"\n', "points up")

    def test_include_outside_the_layers_is_found(self):
        self.assert_fault("net/session.c", '#include "../tests/support/fake.h"\n', "names no layer")

    def test_include_behind_the_os_contract_is_found(self):
        self.assert_fault("net/session.c", '#include "os/linux/socket.h"\n', "behind the os contract")

    def test_platform_header_is_found(self):
        self.assert_fault("service/service.c", "#include <unistd.h>\n", "system header")

    def test_platform_condition_is_found(self):
        self.assert_fault("api_session.c", "#if defined(_WIN32)\n#endif\n", "platform condition")

    def test_allowed_lines_pass(self):
        text = '#include "base/list.h"\n#include "iocpnet.h"\n#include <string.h>\n#ifdef ICN_TEST_HOOKS\n#endif\n'
        self.assertEqual(layers.faults("net/session.c", text), [])
        self.assertEqual(layers.faults("port/port_iocp.c", "#include <windows.h>\n#ifdef _WIN32\n#endif\n"), [])
