import unittest

import project
import sizes


def function_of(lines):
    return "static int f(void)\n{\n" + "    g();\n" * (lines - 3) + "}\n"


class Sizes(unittest.TestCase):
    def test_functions_and_files_are_short(self):
        found = []
        for name in project.code_files():
            found += sizes.faults(name, project.read(name))
        self.assertEqual(found, [])


class PlantedFaults(unittest.TestCase):
    def test_function_is_measured_from_its_head_to_its_brace(self):
        text = "struct s { int a; };\nstatic const int t[] = {1, 2};\n\n" + function_of(12)
        self.assertEqual(sizes.functions(text), [(4, 12)])

    def test_braces_in_comments_strings_and_macros_do_not_count(self):
        text = '#define OPEN {\nint f(void) /* { */\n{\n    return puts("{") + \'{\';\n}\n' + function_of(5)
        self.assertEqual([lines for _, lines in sizes.functions(text)], [4, 5])

    def test_methods_in_classes_and_test_cases_are_functions(self):
        text = "namespace n {\nclass c {\n  int m() {\n    return 1;\n  }\n};\nTEST(A, B)\n{\n    x();\n}\n}\n"
        self.assertEqual(sizes.functions(text), [(3, 3), (7, 4)])

    def test_function_that_is_too_long_is_found(self):
        limit = sizes.FUNCTION_LINES_MAX
        self.assertEqual(sizes.faults("impl/a.c", function_of(limit)), [])
        self.assertEqual(len(sizes.faults("impl/a.c", function_of(limit + 1))), 1)

    def test_file_that_is_too_long_is_found(self):
        self.assertEqual(len(sizes.faults("impl/a.c", "\n" * (sizes.FILE_LINES_MAX + 1))), 1)
