import re
import unittest

import project


def unformatted(*arguments, text=None):
    """The files that clang-format would change."""
    _, output = project.run("clang-format", "--dry-run", *arguments, text=text)
    return sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: warning", output, re.MULTILINE)))


class Format(unittest.TestCase):
    def test_code_is_formatted(self):
        self.assertEqual(unformatted(*project.code_files()), [], "run clang-format -i on these")

    def test_badly_formatted_code_is_found(self):
        bad = "int  f( void ) {return 1;}\n"
        self.assertEqual(unformatted("--assume-filename=bad.c", text=bad), ["bad.c"])

    def test_text_has_no_trailing_blanks_or_tabs_and_ends_with_a_newline(self):
        found = []
        for name in project.files():
            data = (project.ROOT / name).read_bytes().replace(b"\r\n", b"\n")
            lines = data.split(b"\n")
            if lines.pop() != b"":
                found.append(f"{name}: no newline at its end")
            for number, line in enumerate(lines, 1):
                if line != line.rstrip() or (b"\t" in line and not name.endswith(".sln")):
                    found.append(f"{name}:{number}: trailing blank or tab")
        self.assertEqual(found, [])
