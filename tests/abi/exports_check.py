import re
import unittest

import project

SHARED = "build/gcc-release/lib/libiocpnet.so"
DLLS = {"mingw": "x86_64-w64-mingw32-objdump", "mingw32": "i686-w64-mingw32-objdump"}
DLL_IMPORTS = {"kernel32.dll", "ws2_32.dll", "msvcrt.dll", "ucrtbase.dll"}
GLIBC_FLOOR = (2, 34)


def exported_names():
    return project.read("api/iocpnet.exports").split()


def dll(preset, option):
    _, output = project.run(DLLS[preset], option, f"build/{preset}/bin/iocpnet.dll")
    return output


class SharedObject(unittest.TestCase):
    def dynamic(self, tag):
        _, output = project.run("readelf", "-dW", SHARED)
        return re.findall(rf"\({tag}\).*\[(.+)\]", output)

    def test_exports_are_the_list(self):
        _, output = project.run("nm", "-D", "--defined-only", "--format=posix", SHARED)
        names = [line.split()[0].split("@")[0] for line in output.splitlines()]
        self.assertEqual(sorted(set(names) - {"IOCPNET_1.0"}), exported_names())

    def test_exports_carry_the_version(self):
        _, output = project.run("nm", "-D", "--defined-only", "--with-symbol-versions", SHARED)
        self.assertEqual(len(re.findall(r" T iocpnet_\w+@@IOCPNET_1\.0$", output, re.MULTILINE)), len(exported_names()))

    def test_name_is_libiocpnet_so_1(self):
        self.assertEqual(self.dynamic("SONAME"), ["libiocpnet.so.1"])

    def test_needs_libc_alone(self):
        self.assertEqual(self.dynamic("NEEDED"), ["libc.so.6"])

    def test_glibc_floor(self):
        _, output = project.run("readelf", "-VW", SHARED)
        versions = {tuple(int(part) for part in found.split(".")) for found in re.findall(r"GLIBC_([\d.]+)", output)}
        print(f"highest GLIBC_ version: {max(versions)}, floor {GLIBC_FLOOR}")
        self.assertLessEqual(max(versions), GLIBC_FLOOR)

    def test_is_hardened_and_stays_loaded(self):
        _, output = project.run("readelf", "-dlW", SHARED)
        self.assertRegex(output, r"FLAGS_1.*NOW.*NODELETE")
        self.assertIn("GNU_RELRO", output)
        self.assertRegex(output, r"GNU_STACK.*RW ")


class Dll(unittest.TestCase):
    def test_exports_are_the_list(self):
        for preset in DLLS:
            table = dll(preset, "-p").split("[Ordinal/Name Pointer] Table")[1]
            names = re.findall(r"^\s*\[\s*\d+\]\s+(?:\+base\[\s*\d+\]\s+\w+\s+)?(\S+)$", table, re.MULTILINE)
            self.assertEqual(names, exported_names(), preset)

    def test_imports_are_the_system_s_own(self):
        for preset in DLLS:
            imports = {name.lower() for name in re.findall(r"DLL Name: (\S+)", dll(preset, "-p"))}
            self.assertLessEqual(imports, DLL_IMPORTS, preset)
            self.assertIn("kernel32.dll", imports, preset)

    def test_has_a_version_resource(self):
        name, value = ("OriginalFilename".encode("utf-16-le"), "iocpnet.dll".encode("utf-16-le"))
        for preset in DLLS:
            data = (project.ROOT / f"build/{preset}/bin/iocpnet.dll").read_bytes()
            self.assertRegex(data, name + b"\\0{2,6}" + value, preset)
