import re
import unittest

import project

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-Iapi"]
EXAMPLE = ["-Wall", "-Werror", "-fsyntax-only", "-Iapi", "-Ibindings/cpp"]
PROGRAM = '#include "iocpnet.h"\ntypedef int translation_unit_is_not_empty;\n'


def example(language):
    """The first example of a language in README.md."""
    return re.search(rf"^```{language}\n(.*?)^```$", project.read("README.md"), re.MULTILINE | re.DOTALL)[1]


class Header(unittest.TestCase):
    def assert_compiles(self, *command, text=PROGRAM):
        code, output = project.run(*command, "-", text=text)
        self.assertEqual(code, 0, output)

    def test_is_c99(self):
        for compiler in ("gcc", "clang"):
            self.assert_compiles(compiler, "-std=c99", *WARNINGS, "-x", "c")

    def test_is_c11(self):
        for compiler in ("gcc", "clang"):
            self.assert_compiles(compiler, "-std=c11", *WARNINGS, "-x", "c")

    def test_is_cpp11_and_cpp17(self):
        for compiler in ("g++", "clang++"):
            for standard in ("c++11", "c++17"):
                self.assert_compiles(compiler, f"-std={standard}", *WARNINGS, "-x", "c++")

    def test_is_clean_for_the_compiler_of_microsoft(self):
        self.assert_compiles("clang", *project.msvc_flags(), "-std=c11", "-Iapi", "-x", "c")

    def test_includes_nothing_of_the_platform(self):
        included = re.findall(r"#\s*include\s*[<\"]([^>\"]+)", project.read("api/iocpnet.h"))
        self.assertLessEqual(set(included), {"stddef.h", "stdint.h"})

    def test_cpp_wrapper_compiles_with_and_without_exceptions(self):
        text = '#include "iocpnet.hpp"\nint main() {}\n'
        for compiler in ("g++", "clang++"):
            for options in ([], ["-fno-exceptions", "-fno-rtti"], ["-std=c++20"]):
                self.assert_compiles(compiler, "-std=c++17", *options, *WARNINGS, "-Ibindings/cpp", "-x", "c++", text=text)

    def test_example_of_the_readme_compiles(self):
        self.assert_compiles("gcc", "-std=c11", *EXAMPLE, "-x", "c", text=example("c"))

    def test_cpp_example_of_the_readme_compiles(self):
        self.assert_compiles("g++", "-std=c++17", *EXAMPLE, "-x", "c++", text=example("cpp"))
