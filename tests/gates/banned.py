#!/usr/bin/python3
"""No function that cannot be used safely, in any C file of the project; and a few habits that a compiler does not know.

Each entry says what to use instead. Comments and strings are not looked at.
"""

import re

import sources

FUNCTIONS = {
    "strcpy": "memcpy with a checked length, or snprintf", "strcat": "snprintf", "strncpy": "memcpy: it may not end the text",
    "strncat": "snprintf", "stpcpy": "memcpy", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets or getline",
    "strtok": "strcspn, strspn: it keeps state in a global", "localtime": "base/zone.h: it keeps state in a global",
    "gmtime": "gmtime_r", "ctime": "base/civil.h", "asctime": "base/civil.h", "atoi": "strtoll with errno",
    "atol": "strtoll with errno", "atoll": "strtoll with errno", "atof": "strtod with errno", "rand": "base, with a seed",
    "srand": "base, with a seed", "random": "base, with a seed", "tmpnam": "mkstemp", "tempnam": "mkstemp", "mktemp": "mkstemp",
    "system": "fork and exec", "popen": "fork and exec", "alloca": "an array with a bound, or malloc",
    "setjmp": "a result", "longjmp": "a result", "pthread_cancel": "a flag that the thread looks at",
    "signal": "sigaction", "usleep": "a condition with a bound", "bzero": "memset", "bcopy": "memmove",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(FUNCTIONS) + r")\s*\(")
HABITS = [
    (re.compile(r"\btypedef\s+(struct|union)\b"), "no typedef for a struct: its kind is part of its name"),
    (re.compile(r"\bgoto\s+(?!out\b)\w+"), "one label for clean-up, named out"),
    (re.compile(r"^[ \t]*#[ \t]*define[^\n]*(?:\\\n[^\n]*)*\breturn\b", re.MULTILINE), "no macro hides a return"),
]
GNU = re.compile(r"^[ \t]*#[ \t]*define[ \t]+_GNU_SOURCE\b", re.MULTILINE)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check(name, faults):
    text = sources.text_of(name)
    bare = sources.bare_c(text)
    for match in CALL.finditer(bare):
        faults.append(f"{name}:{line_of(bare, match.start())}: {match.group(1)} is banned; use {FUNCTIONS[match.group(1)]}")
    for pattern, reason in HABITS:
        for match in pattern.finditer(bare):
            faults.append(f"{name}:{line_of(bare, match.start())}: {reason}")
    for match in GNU.finditer(bare):
        line = line_of(bare, match.start())
        near = "\n".join(text.split("\n")[max(0, line - 4):line + 1])
        if not name.startswith(("collector/base/", "tests/")) and "/*" not in near and "//" not in near:
            faults.append(f"{name}:{line}: _GNU_SOURCE outside of base says beside it which call needs it")


def main():
    faults = []
    names = sources.c_files("collector/", "firmware-sim/", "tests/")
    for name in names:
        check(name, faults)
    return sources.finish("banned", faults, f"{len(names)} files, {len(FUNCTIONS)} functions, {len(HABITS) + 1} habits")


sources.run(main)
