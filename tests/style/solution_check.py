import json
import re
import shutil
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import project

NAMESPACE = "{http://schemas.microsoft.com/developer/msbuild/2003}"
STUBS = ("Microsoft.Cpp.Default.props", "Microsoft.Cpp.props", "Microsoft.Cpp.targets")
GOOGLETEST = "/usr/src/googletest/googletest"


def solution_projects():
    """Path and GUID of each project that the solution names."""
    found = re.findall(r'^Project\("\{[-0-9A-F]+\}"\) = "[^"]+", "([^"]+)", "(\{[-0-9A-F]+\})"',
                       project.read("iocpnet.sln"), re.MULTILINE)
    return {path.replace("\\", "/"): guid for path, guid in found}


def vcxproj_files():
    return project.code_files(".vcxproj")


def guid_of(name):
    return ElementTree.fromstring(project.read(name)).find(f".//{NAMESPACE}ProjectGuid").text


class Solution(unittest.TestCase):
    def test_format_is_12_and_lines_end_as_on_windows(self):
        data = (project.ROOT / "iocpnet.sln").read_bytes()
        self.assertIn(b"Format Version 12.00\r\n", data)
        for name in ["iocpnet.sln", *vcxproj_files()]:
            data = (project.ROOT / name).read_bytes()
            self.assertEqual(data.count(b"\n"), data.count(b"\r\n"), name)

    def test_names_every_project_by_its_guid(self):
        self.assertEqual(solution_projects(), {name: guid_of(name) for name in vcxproj_files()})

    def test_references_carry_the_guid_of_their_project(self):
        for name in vcxproj_files():
            for reference in ElementTree.fromstring(project.read(name)).iter(f"{NAMESPACE}ProjectReference"):
                path = (project.ROOT / name).parent / reference.get("Include").replace("\\", "/")
                self.assertEqual(reference.find(f"{NAMESPACE}Project").text,
                                 guid_of(str(path.resolve().relative_to(project.ROOT))), name)


@unittest.skipUnless(shutil.which("dotnet") or project.in_ci(), "no dotnet: Debian has no package of it, install the SDK")
class Evaluation(unittest.TestCase):
    """msbuild evaluates the projects, with empty files in place of Visual Studio's own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        for name in STUBS:
            stub = Path(cls.folder.name) / name
            stub.write_text("<Project />\n", encoding="utf-8")

    def items(self, name):
        """The paths from the top of what a project compiles, includes and refers to, by kind."""
        kinds = "ClCompile,ClInclude,ResourceCompile,None,ProjectReference"
        code, output = project.run("dotnet", "msbuild", name, "-nologo", f"-getItem:{kinds}", "-p:Configuration=Release",
                                   "-p:Platform=x64", f"-p:VCTargetsPath={self.folder.name}",
                                   f"-p:GoogleTestDir={GOOGLETEST}")
        self.assertEqual(code, 0, output)
        found = json.loads(output)["Items"]
        return {kind: [Path(entry["FullPath"]) for entry in entries] for kind, entries in found.items()}

    def test_every_file_of_a_project_exists(self):
        for name in vcxproj_files():
            for paths in self.items(name).values():
                for path in paths:
                    self.assertTrue(path.exists() or GOOGLETEST in str(path), f"{name}: {path}")

    def test_library_projects_compile_what_cmake_compiles(self):
        expected = [str(project.ROOT / source) for source in project.sources("COMMON", "WINDOWS")]
        for name in ("impl/iocpnet.vcxproj", "impl/iocpnet_testable.vcxproj"):
            self.assertEqual([str(path) for path in self.items(name)["ClCompile"]], expected, name)

    def test_test_projects_compile_every_test(self):
        """Of the folders that have a project; the others are built by CMake alone."""
        compiled = set()
        for name in vcxproj_files():
            if name.startswith("tests/"):
                compiled |= {str(path) for path in self.items(name)["ClCompile"]}
        folders = ("tests/unit/", "tests/port/", "tests/api/")
        tests = {str(project.ROOT / name) for name in project.code_files("_test.cpp") if name.startswith(folders)}
        self.assertLessEqual(tests, compiled)

    def test_a_missing_file_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "broken.vcxproj"
            broken.write_text(project.read("impl/iocpnet.vcxproj"), encoding="utf-8")
            self.assertFalse(all(path.exists() for path in self.items(str(broken))["ResourceCompile"]))
