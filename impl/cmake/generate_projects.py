#!/usr/bin/env python3
"""Write iocpnet.sln and its .vcxproj files from the same source lists that CMake uses."""

import os
import re
import uuid
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[2]
CPP_PROJECT_TYPE = "{8BC9CEB8-8B4A-11D0-8D11-00A0C91BC942}"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "iocpnet")
CONFIGURATIONS = [(configuration, platform) for configuration in ("Debug", "Release") for platform in ("Win32", "x64")]
SAMPLES = ("echo_server", "dummy_client", "chat_server", "chat_client")
TEST_DEFINES = ["ICN_TEST_HOOKS=1", "ICN_DEBUG_CHECKS=1"]
DEFINES = ["_WIN32_WINNT=0x0602", "WIN32_LEAN_AND_MEAN", "NOMINMAX", "_CRT_SECURE_NO_WARNINGS"]


class Project:
    """One .vcxproj: its path from the top, its kind, and what goes in. Source paths are from the top too."""

    def __init__(self, path, kind, sources, includes, defines=(), references=()):
        self.path = Path(path)
        self.name = self.path.stem
        self.kind = kind
        self.sources = sources
        self.includes = includes
        self.defines = list(defines)
        self.references = list(references)
        self.guid = "{" + str(uuid.uuid5(NAMESPACE, self.name)).upper() + "}"

    def is_library(self):
        return self.kind != "Application"

    def relative(self, path):
        """A path from the top, as seen from the project's folder. One that starts with a property is left alone."""
        return path if path.startswith("$") else os.path.relpath(path, self.path.parent).replace("/", "\\")


def library_sources():
    """The lists of impl/sources.cmake that Windows uses."""
    text = re.sub(r"#.*", "", (ROOT / "impl/sources.cmake").read_text(encoding="utf-8"))
    lists = dict(re.findall(r"set\(IOCPNET_SOURCES_(\w+)\s([^)]*)\)", text))
    return ["impl/" + name for name in lists["COMMON"].split() + lists["WINDOWS"].split()]


def test_sources(folder):
    helpers = [path for path in (ROOT / "tests/support").glob("*.cpp") if path.name.startswith(("api_", "unit_"))]
    found = sorted((ROOT / "tests" / folder).glob("*_test.cpp")) + sorted(helpers)
    return [path.relative_to(ROOT).as_posix() for path in found]


def test_project(name, folder, library):
    googletest = ["$(GoogleTestDir)\\src\\gtest-all.cc", "$(GoogleTestDir)\\src\\gtest_main.cc"]
    includes = ["api", "impl", "tests", "bindings/cpp", "$(GoogleTestDir)", "$(GoogleTestDir)\\include"]
    defines = TEST_DEFINES if library.name == "iocpnet_testable" else []
    return Project(f"tests/{name}.vcxproj", "Application", test_sources(folder) + googletest, includes, defines, [library])


def projects():
    dll = Project("impl/iocpnet.vcxproj", "DynamicLibrary", library_sources(), ["api", "impl"])
    testable = Project("impl/iocpnet_testable.vcxproj", "StaticLibrary", library_sources(), ["api", "impl"], TEST_DEFINES)
    samples = [Project(f"samples/cpp/{name}.vcxproj", "Application", [f"samples/cpp/{name}.cpp"],
                       ["api", "bindings/cpp"], references=[dll]) for name in SAMPLES]
    tests = [test_project("unit_tests", "unit", testable), test_project("port_tests", "port", testable),
             test_project("api_tests", "api", dll), test_project("hook_tests", "api/hooks", testable)]
    return [dll, testable, *samples, *tests]


def element(name, text, indent=2):
    return f"{'  ' * indent}<{name}>{escape(text)}</{name}>"


def item(name, path, *children):
    if not children:
        return f'    <{name} Include="{escape(path)}" />'
    return "\n".join([f'    <{name} Include="{escape(path)}">', *children, f"    </{name}>"])


def group(name, lines, attributes=""):
    return [f"  <{name}{attributes}>", *lines, f"  </{name}>"]


def import_of(name):
    return f'  <Import Project="$(VCTargetsPath)\\{name}" />'


def project_configurations():
    return [item("ProjectConfiguration", f"{configuration}|{platform}", element("Configuration", configuration, 3),
                 element("Platform", platform, 3)) for configuration, platform in CONFIGURATIONS]


def configuration_type(project):
    return [element("ConfigurationType", project.kind), element("PlatformToolset", "$(DefaultPlatformToolset)"),
            element("UseDebugLibraries", "$(Configuration.Equals('Debug'))"), element("CharacterSet", "Unicode")]


def output_folders(project):
    lines = [element("OutDir", "$(SolutionDir)build\\visual-studio\\$(Platform)-$(Configuration)\\"),
             element("IntDir", "$(OutDir)$(ProjectName)\\")]
    if project.kind == "DynamicLibrary":
        lines.append("    <CheckDefines Condition=\"'$(Configuration)' == 'Debug'\">ICN_DEBUG_CHECKS=1</CheckDefines>")
    return lines


# The objects of a library keep the folders of their sources, of which two may have the same name.
def compile_settings(project):
    includes = [project.relative(path) for path in project.includes]
    defines = DEFINES + project.defines + ["$(CheckDefines)", "%(PreprocessorDefinitions)"]
    return ["    <ClCompile>",
            element("WarningLevel", "Level4", 3),
            element("LanguageStandard", "stdcpp17", 3),
            element("LanguageStandard_C", "stdc17", 3),
            element("AdditionalOptions", "/utf-8 %(AdditionalOptions)", 3),
            element("PreprocessorDefinitions", ";".join(defines), 3),
            element("AdditionalIncludeDirectories", ";".join(includes + ["%(AdditionalIncludeDirectories)"]), 3),
            element("ObjectFileName", "$(IntDir)%(RelativeDir)" if project.is_library() else "$(IntDir)", 3),
            "    </ClCompile>"]


def link_settings(project):
    if project.kind == "StaticLibrary":
        return []
    lines = [element("AdditionalDependencies", "ws2_32.lib;%(AdditionalDependencies)", 3)]
    if project.kind == "DynamicLibrary":
        lines.append(element("ModuleDefinitionFile", project.relative("api/iocpnet.def"), 3))
    return ["    <Link>", *lines, "    </Link>"]


def items(project):
    compiled = [item("ClCompile", project.relative(source)) for source in project.sources]
    lines = group("ItemGroup", compiled)
    if project.kind == "DynamicLibrary":
        lines += group("ItemGroup", [item("ResourceCompile", project.relative("api/iocpnet.rc")),
                                     item("None", project.relative("api/iocpnet.def")),
                                     item("ClInclude", project.relative("api/iocpnet.h"))])
    if project.references:
        lines += group("ItemGroup", [item("ProjectReference", project.relative(library.path.as_posix()),
                                          element("Project", library.guid, 3)) for library in project.references])
    return lines


def vcxproj(project):
    lines = ['<?xml version="1.0" encoding="utf-8"?>',
             '<Project DefaultTargets="Build" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">',
             *group("ItemGroup", project_configurations(), ' Label="ProjectConfigurations"'),
             *group("PropertyGroup", [element("ProjectGuid", project.guid), element("RootNamespace", project.name)],
                    ' Label="Globals"'),
             import_of("Microsoft.Cpp.Default.props"),
             *group("PropertyGroup", configuration_type(project), ' Label="Configuration"'),
             import_of("Microsoft.Cpp.props"),
             *group("PropertyGroup", output_folders(project)),
             *group("ItemDefinitionGroup", compile_settings(project) + link_settings(project)),
             *items(project),
             import_of("Microsoft.Cpp.targets"),
             "</Project>"]
    return "\n".join(lines) + "\n"


def solution():
    lines = ["Microsoft Visual Studio Solution File, Format Version 12.00", "# Visual Studio Version 17"]
    for project in projects():
        path = str(project.path).replace("/", "\\")
        lines += [f'Project("{CPP_PROJECT_TYPE}") = "{project.name}", "{path}", "{project.guid}"', "EndProject"]
    names = [f"{configuration}|{platform.replace('Win32', 'x86')}" for configuration, platform in CONFIGURATIONS]
    lines += ["Global", "\tGlobalSection(SolutionConfigurationPlatforms) = preSolution"]
    lines += [f"\t\t{name} = {name}" for name in names]
    lines += ["\tEndGlobalSection", "\tGlobalSection(ProjectConfigurationPlatforms) = postSolution"]
    for project in projects():
        for name, target in zip(names, CONFIGURATIONS):
            lines += [f"\t\t{project.guid}.{name}.{end} = {'|'.join(target)}" for end in ("ActiveCfg", "Build.0")]
    lines += ["\tEndGlobalSection", "EndGlobal"]
    return "\n".join(lines) + "\n"


def generated():
    """The generated files: path to text."""
    return {ROOT / "iocpnet.sln": solution(), **{ROOT / project.path: vcxproj(project) for project in projects()}}


def main():
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\r\n")


if __name__ == "__main__":
    main()
