"""What the gates share: which files belong to the project, and C source without its comments and strings."""

import os
import pathlib
import re
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[2]
NEVER = {".git", "build", "node_modules", "dist", "__pycache__", ".cache", "secrets"}


def project_files():
    """Every file of the project as a path relative to it: what git knows or would add; in a release, all there is."""
    git = subprocess.run(["git", "-c", f"safe.directory={PROJECT}", "-C", str(PROJECT), "ls-files", "-co",
                          "--exclude-standard", "-z"],
                         capture_output=True, check=False)
    if git.returncode == 0:
        names = [os.fsdecode(name) for name in git.stdout.split(b"\0") if name]
    else:
        names = []
        for folder, folders, files in os.walk(PROJECT):
            folders[:] = sorted(set(folders) - NEVER)
            names += [os.path.relpath(os.path.join(folder, name), PROJECT) for name in files]
    # A file that git knows may be deleted in the working tree; a link may lead nowhere.
    return sorted(name for name in names if (PROJECT / name).is_file())


def c_files(*roots):
    return [name for name in project_files() if name.endswith((".c", ".h", ".def")) and name.startswith(roots)]


def text_of(name):
    return (PROJECT / name).read_text(encoding="utf-8")


_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def bare_c(text):
    """C source with comments blanked and the contents of strings emptied; lines stay where they are."""
    def blank(match):
        token = match.group(0)
        return token[0] * 2 if token[0] in "\"'" else " " + "\n" * token.count("\n")
    return _TOKEN.sub(blank, text)


def finish(gate, faults, figures):
    """Prints the figures and the faults; the program's exit code."""
    for fault in faults:
        print(fault)
    print(f"{gate}: {figures}, {len(faults)} faults")
    return 1 if faults else 0


def run(main):
    sys.exit(main())
