import re
import unittest

import golden

# Types that a struct may not hold: their size depends on the platform or the compiler.
LOOSE_TYPES = re.compile(r"\b(_Bool|bool|enum|long|size_t|char|short|int|double|float)\b(?!.*\*)")


class Golden(unittest.TestCase):
    maxDiff = None

    def assert_golden(self, target):
        expected = (golden.FOLDER / f"{target}.txt").read_text(encoding="utf-8")
        self.assertEqual(golden.golden(target), expected)

    def test_x86_64_linux(self):
        self.assert_golden("x86_64-linux")

    def test_i686_linux(self):
        self.assert_golden("i686-linux")

    def test_x86_64_windows(self):
        self.assert_golden("x86_64-windows")

    def test_i686_windows(self):
        self.assert_golden("i686-windows")


class Structs(unittest.TestCase):
    def test_linux_and_windows_agree(self):
        for cpu in ("x86_64", "i686"):
            linux, windows = ([(name, size, fields) for name, size, _, fields in golden.records(f"{cpu}-{system}")]
                              for system in ("linux", "windows"))
            self.assertEqual(str(linux), str(windows).replace(" __attribute__((cdecl))", ""))

    def test_64_bit_fields_are_on_offsets_of_8(self):
        names = {"uint64_t", "int64_t", "iocpnet_service", "iocpnet_listener", "iocpnet_session"}
        for target in golden.TARGETS:
            for name, _, _, fields in golden.records(target):
                for offset, kind, field in fields:
                    if kind.split("[")[0] in names:
                        self.assertEqual(offset % 8, 0, f"{target}: {name}.{field}")

    def test_only_types_of_fixed_width(self):
        for name, _, _, fields in golden.records("x86_64-linux"):
            for _, kind, field in fields:
                self.assertIsNone(LOOSE_TYPES.search(kind), f"{name}.{field}: {kind}")

    def test_a_loose_type_is_found(self):
        self.assertIsNotNone(LOOSE_TYPES.search("unsigned long"))
        self.assertIsNone(LOOSE_TYPES.search("const char *"))
