#!/usr/bin/python3
"""Functions to see at once, files to know at once.

The 90th percentile of function length is at most 45 lines and none is over 80; no file is over 600 lines, and
collector/main.c, which only picks a command, not over 60. The length of a function is that of its definition, from the
first line of its type to the closing brace. clang-format, which the tests also run, puts a function's braces alone into
the first column, so its ends are found there.
"""

import ast

import sources

P90, LONGEST, FILE, MAIN = 45, 80, 600, 60
SOURCE_ENDINGS = (".c", ".h", ".def", ".py", ".js", ".mjs", ".ts", ".css", ".sh", ".cmake")
SCRIPTS = "scripts/"


def c_functions(name):
    """(name, first line, lines) of each function."""
    lines = sources.bare_c(sources.text_of(name)).split("\n")
    found, start = [], None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].rstrip().endswith((";", "}")) \
                    and not lines[start - 1].startswith("#"):
                start -= 1
        elif line == "}" and start is not None:
            head = " ".join(lines[start:number])
            found.append((head.split("(")[0].split()[-1].lstrip("*"), start + 1, number - start + 1))
            start = None
    return found


def python_functions(name):
    tree = ast.parse(sources.text_of(name))
    return [(node.name, node.lineno, node.end_lineno - node.lineno + 1) for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)] if ordered else 0


def is_python(name):
    return name.endswith(".py") or (name.startswith(SCRIPTS) and sources.text_of(name).startswith("#!/usr/bin/python3"))


def check_functions(kind, names, functions_of, faults):
    lengths = []
    for name in names:
        for function, line, length in functions_of(name):
            lengths.append(length)
            if length > LONGEST:
                faults.append(f"{name}:{line}: {function} has {length} lines, at most {LONGEST}: split it")
    p90 = percentile(lengths, 90)
    if p90 > P90:
        faults.append(f"{kind}: the 90th percentile of function length is {p90} lines, at most {P90}")
    print(f"{kind}: {len(lengths)} functions, median {percentile(lengths, 50)}, p90 {p90}, "
          f"longest {max(lengths, default=0)} lines")


def check_files(names, faults):
    longest = ("", 0)
    for name in names:
        length = sources.text_of(name).count("\n")
        limit = MAIN if name == "collector/main.c" else FILE
        longest = max(longest, (name, length), key=lambda pair: pair[1])
        if length > limit:
            faults.append(f"{name}: {length} lines, at most {limit}: it holds more than one idea")
    print(f"files: {len(names)}, longest {longest[1]} lines ({longest[0]})")


def main():
    faults = []
    names = sources.project_files()
    c_names = [name for name in names if name.endswith(".c")]
    check_functions("collector and firmware-sim", [n for n in c_names if not n.startswith("tests/")], c_functions, faults)
    check_functions("tests in C", [n for n in c_names if n.startswith("tests/")], c_functions, faults)
    python = [name for name in names if is_python(name)]
    check_functions("Python", python, python_functions, faults)
    # Test vectors and fixtures are input, not source.
    check_files([n for n in names if (n.endswith(SOURCE_ENDINGS) or n in python or n.startswith(SCRIPTS))
                 and not n.startswith("tests/vectors/")], faults)
    return sources.finish("lengths", faults, f"limits {P90}/{LONGEST}/{FILE}/{MAIN}")


sources.run(main)
