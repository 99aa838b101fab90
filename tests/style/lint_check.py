import os
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import project

CPP_FLAGS = ["-std=c++17", "-Iapi", "-Ibindings/cpp"]
NULL_DEREFERENCE = "int f(void);\nint f(void)\n{\n    const int *p = 0;\n    return *p;\n}\n"


def tidy(name, flags):
    return project.run("clang-tidy", "--quiet", f"--config-file={project.ROOT}/.clang-tidy", "--warnings-as-errors=*",
                       name, "--", *flags)


def tidy_reports(names, flags):
    """What clang-tidy says about the files that are not clean, some files at a time."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return "\n".join(output for code, output in pool.map(lambda name: tidy(name, flags), names) if code != 0)


def cppcheck(*arguments):
    """
    Without two remarks: declarations may stand at the head of a function, and structs may have reserved fields.
    Without the debug checks, which it takes for tests of a pointer that may be NULL.
    """
    return project.run("cppcheck", "--quiet", "--enable=warning,style,performance,portability", "--std=c11",
                       "--suppress=variableScope", "--suppress=unusedStructMember", "--error-exitcode=1",
                       f"-j{os.cpu_count()}", "-DICN_TEST_HOOKS=1", *project.INCLUDES, *arguments)


class Lint(unittest.TestCase):
    def test_clang_tidy_finds_nothing_for_linux(self):
        names = project.sources("COMMON", "LINUX")
        self.assertEqual(tidy_reports(names, project.LINUX_FLAGS), "")

    def test_clang_tidy_finds_nothing_for_the_simulated_system(self):
        self.assertEqual(tidy_reports(project.sources("SIMULATED"), project.SIMULATED_FLAGS), "")

    def test_clang_tidy_finds_nothing_for_windows(self):
        self.assertEqual(tidy_reports(project.sources("WINDOWS"), project.MINGW_FLAGS), "")

    def test_clang_tidy_finds_nothing_in_the_cpp_samples(self):
        names = [name for name in project.code_files(".cpp") if name.startswith("samples/")]
        self.assertEqual(tidy_reports(names, CPP_FLAGS), "")

    def test_cppcheck_finds_nothing_for_linux(self):
        code, output = cppcheck("--platform=unix64", "-D__linux__", "-D__x86_64__",
                                *project.sources("COMMON", "LINUX"))
        self.assertEqual(code, 0, output)

    def test_cppcheck_finds_nothing_for_windows(self):
        code, output = cppcheck("--platform=win64", "-D_WIN32", "-D_WIN64",
                                *project.sources("COMMON", "WINDOWS"))
        self.assertEqual(code, 0, output)

    def test_code_is_clean_for_the_compiler_of_microsoft(self):
        flags = ["-std=c11", *project.WINDOWS_DEFINES, *project.INCLUDES]
        names = project.sources("COMMON", "WINDOWS")
        code, output = project.run("clang", *project.msvc_flags(), *flags, *names)
        self.assertEqual(code, 0, output)


class PlantedFaults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "planted.c"

    def test_clang_tidy_fails_on_a_null_dereference(self):
        self.file.write_text(NULL_DEREFERENCE, encoding="utf-8")
        self.assertNotEqual(tidy(str(self.file), project.LINUX_FLAGS)[0], 0)

    def test_cppcheck_fails_on_a_null_dereference(self):
        self.file.write_text(NULL_DEREFERENCE, encoding="utf-8")
        self.assertNotEqual(cppcheck(str(self.file))[0], 0)

    def test_a_gnu_extension_fails_for_the_compiler_of_microsoft(self):
        self.file.write_text("int f(int a);\nint f(int a)\n{\n    return a ?: 1;\n}\n", encoding="utf-8")
        self.assertNotEqual(project.run("clang", *project.msvc_flags(), "-std=c11", str(self.file))[0], 0)
