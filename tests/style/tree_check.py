import re
import sys
import unittest

import project

TOP = {
    "api", "impl", "bindings", "samples", "tests", "docs", ".ci", "iocpnet.sln", "CMakeLists.txt", "CMakePresets.json",
    "README.md", "LICENSE", "CHANGELOG.md", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore",
    ".gitattributes"}
# Written in pieces, so that this file does not contain them.
FORBIDDEN = ["/" + folder + "/" for folder in ("home", "root", "work")] + ["C:" + "\\Users"]


def forbidden_lines(name, text):
    return [f"{name}:{number}: {word}" for number, line in enumerate(text.splitlines(), 1)
            for word in FORBIDDEN if word in line]


class Tree(unittest.TestCase):
    def test_top_level_is_exactly_what_it_should_be(self):
        self.assertEqual({name.split("/")[0] for name in project.files()}, TOP)

    def test_every_source_is_listed_once(self):
        listed = project.sources()
        listed.remove("impl/os/linux/error.c")  # the simulated system has the error codes of Linux
        present = [name for name in project.code_files(".c") if name.startswith("impl/")]
        self.assertEqual(sorted(listed), present)

    def test_platform_folders_are_in_their_own_list(self):
        folders = (("LINUX", "impl/os/linux/"), ("WINDOWS", "impl/os/windows/"), ("SIMULATED", "impl/os/sim/"))
        for which, folder in folders:
            listed = [name for name in project.sources(which) if name.startswith(folder)]
            present = [name for name in project.code_files(".c") if name.startswith(folder)]
            self.assertEqual(sorted(listed), present)

    def test_every_suite_names_the_packages_it_needs(self):
        _, suites = project.run("tests/run", "--list")
        for suite in set(suites.split()) - {"all"}:
            _, packages = project.run("bash", "-c", f". tests/support/install.sh; packages_for {suite}")
            self.assertNotEqual(packages.strip(), "", suite)

    def test_no_path_of_a_machine_is_written_down(self):
        found = []
        for name in project.files():
            found += forbidden_lines(name, project.read(name))
        self.assertEqual(found, [])

    def test_a_path_of_a_machine_is_found(self):
        self.assertEqual(len(forbidden_lines("a.c", f"// {FORBIDDEN[0]}me/x\n")), 1)

    def test_scripts_can_be_run(self):
        for name in ("tests/run", "samples/run", ".ci/run"):
            self.assertTrue((project.ROOT / name).stat().st_mode & 0o100, name)
            code, output = project.run("bash", "-n", name)
            self.assertEqual(code, 0, output)


class Generated(unittest.TestCase):
    def setUp(self):
        for folder in ("api", "impl/cmake"):
            sys.path.insert(0, str(project.ROOT / folder))

    def assert_current(self, generated, script):
        for path, text in generated.items():
            self.assertTrue(path.exists(), path)
            self.assertEqual(path.read_text(encoding="utf-8"), text, f"{path} is out of date: run {script}")

    def test_definition_and_version_script_come_from_the_export_list(self):
        import generate_exports
        self.assert_current(generate_exports.generated(), "api/generate_exports.py")

    def test_visual_studio_projects_come_from_the_source_lists(self):
        import generate_projects
        self.assert_current(generate_projects.generated(), "impl/cmake/generate_projects.py")

    def test_export_list_is_sorted_and_has_no_name_twice(self):
        import generate_exports
        names = generate_exports.exported_names()
        self.assertEqual(names, sorted(set(names)))


class Version(unittest.TestCase):
    def test_every_file_says_the_same_version(self):
        version = re.search(r"project\(iocpnet VERSION ([\d.]+)", project.read("CMakeLists.txt"))[1]
        numbers = re.findall(r"#define IOCPNET_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)", project.read("api/iocpnet.h"))
        resource = project.read("api/iocpnet.rc")
        self.assertEqual(".".join(numbers), version)
        self.assertEqual(set(re.findall(r'"(?:File|Product)Version", "([^"]+)"', resource)), {version})
        self.assertEqual(set(re.findall(r"^(?:FILE|PRODUCT)VERSION (.+)$", resource, re.MULTILINE)),
                         {version.replace(".", ", ") + ", 0"})
        self.assertEqual(re.search(r"^## \[([\d.]+)\]", project.read("CHANGELOG.md"), re.MULTILINE)[1], version)
