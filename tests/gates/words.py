#!/usr/bin/python3
"""Nothing in the project names the machine that it was written on, or is marked as unfinished.

What is left to do belongs into an issue, where it is seen, not into a comment. The words below are put together from
halves, so that this file does not find itself.
"""

import re

import sources

WORDS = [
    (re.compile(r"(?<![\w.~$}/-])/(?:" + "wo" + "rk|" + "fa" + r"rm)(?:/|\b)"), "a path of one machine"),
    (re.compile(r"(?<![\w.])/(?:home|Users)/[a-z]"), "a path of one person"),
    (re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X|HA" + r"CK)\b"), "a mark of unfinished work: write an issue"),
    (re.compile(r"<<<<<" + r"<< |>>>>>" + r">> "), "a conflict of a merge"),
]
# Fixtures of other people's making and generated lock files are not ours to reword.
NOT_OURS = re.compile(r"(^|/)(package-lock\.json|LICENSE)$")


def main():
    faults, read = [], 0
    for name in sources.project_files():
        if NOT_OURS.search(name):
            continue
        try:
            text = sources.text_of(name)
        except UnicodeDecodeError:
            continue
        read += 1
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, reason in WORDS:
                match = pattern.search(line)
                if match:
                    faults.append(f"{name}:{number}: \"{match.group(0)}\": {reason}")
    return sources.finish("words", faults, f"{read} files")


sources.run(main)
