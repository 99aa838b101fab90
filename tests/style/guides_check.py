import re
import tempfile
import unittest
from pathlib import Path

import project

BLOCK = re.compile(r"^```(c|cpp)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a host has included already, and names of its own that a guide may take for granted.
PRELUDE = {
    "c": "#include <iocpnet.h>\n#include <stdint.h>\n#include <string.h>\n",
    "cpp": "#include <iocpnet.hpp>\n#include <string>\n",
}
COMMAND = {
    "c": ["clang", "-std=c11", "-Iapi"],
    "cpp": ["clang++", "-std=c++17", "-Iapi", "-Ibindings/cpp"],
}
WARNINGS = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-Wno-unused-variable"]


def blocks():
    """(name, language, code) of every block of C and C++ in the documents."""
    for path in [project.ROOT / "README.md", *sorted((project.ROOT / "docs").glob("*.md"))]:
        for number, block in enumerate(BLOCK.finditer(path.read_text(encoding="utf-8")), 1):
            yield f"{path.name}, block {number}", block.group(1), block.group(2)


def compile_block(language, code):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"block.{language}"
        source.write_text(PRELUDE[language] + code, encoding="utf-8")
        return project.run(*COMMAND[language], *WARNINGS, str(source))


class Guides(unittest.TestCase):
    def test_every_block_of_code_compiles(self):
        for name, language, code in blocks():
            with self.subTest(name):
                self.assertEqual(compile_block(language, code), (0, ""))

    def test_there_are_blocks_of_both_languages(self):
        self.assertEqual({language for _, language, _ in blocks()}, {"c", "cpp"})

    def test_a_block_that_does_not_compile_is_found(self):
        self.assertNotEqual(compile_block("c", "int f(void) { return iocpnet_no_such_function(); }\n")[0], 0)
