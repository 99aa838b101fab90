"""Lengths of functions in C and C++, found by their braces."""

import re

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'|^[ \t]*#(?:\\\n|[^\n])*',
    re.DOTALL | re.MULTILINE)
NOT_A_FUNCTION = re.compile(r"^\s*(?:inline\s+)?(?:namespace|struct|class|union|enum|extern\s*)\b[^()]*$|=\s*$")


def blank(match):
    """Nothing but the line ends of comments, strings and directives, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", match[0])


def starts_function(head):
    """Whether the text before a brace, since the last ';' or brace, is the head of a function."""
    return "(" in head and not NOT_A_FUNCTION.search(head)


def functions(text):
    """(first line, lines) of each outermost function, its head included."""
    code = NOISE.sub(blank, text)
    found, depth, start, inside, head = [], 0, 0, None, 0
    for brace in re.finditer(r"[{};]", code):
        if brace[0] == "{":
            if inside is None and starts_function(code[head:brace.start()]):
                inside = depth
                start = head + len(code[head:]) - len(code[head:].lstrip())
            depth += 1
        elif brace[0] == "}":
            depth -= 1
            if inside == depth:
                first = code.count("\n", 0, start) + 1
                found.append((first, code.count("\n", 0, brace.start()) + 2 - first))
                inside = None
        head = brace.end()
    return found


def faults(name, text):
    found = [f"{name}:{first}: a function of {lines} lines, more than {FUNCTION_LINES_MAX}"
             for first, lines in functions(text) if lines > FUNCTION_LINES_MAX]
    lines = text.count("\n")
    if lines > FILE_LINES_MAX and name != "api/iocpnet.h":
        found.append(f"{name}: {lines} lines, more than {FILE_LINES_MAX}")
    return found
