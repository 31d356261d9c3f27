"""Faults between a program and its files: how libedutally_faults.so (tests/faults/faults.h) is loaded and told what to do,
and what it wrote."""

import contextlib
import os
import pathlib
import random
import re
import sqlite3
import struct
import subprocess
import unittest

import harness

LONG = os.environ.get("EDUTALLY_TEST_LONG", "0") not in ("", "0")
SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LIBRARY = harness.BIN / "tests/faults/libedutally_faults.so"
WRITES = ("write", "writev", "pwrite")  # the calls that can stop half-way
# All calls by which a program can change a file's bytes or a directory's names.
CHANGES = set("""write writev pwrite pwrite64 pwritev pwritev64 pwritev2 pwritev64v2 fsync fdatasync sync syncfs
sync_file_range msync ftruncate ftruncate64 truncate truncate64 fallocate fallocate64 posix_fallocate posix_fallocate64
rename renameat renameat2 unlink unlinkat remove rmdir mkdir mkdirat mknod mknodat link linkat symlink symlinkat
creat creat64 open open64 openat openat64 __open_2 __open64_2 mkstemp mkstemp64 mkostemp mkostemp64 copy_file_range splice
tmpfile tmpfile64""".split())
# open with two arguments makes no file.
HARMLESS = {"__open_2", "__open64_2"}


def needs_library():
    if not LIBRARY.is_file():
        raise unittest.SkipTest(f"skipped: needs {LIBRARY}, which builds with sanitizers do not have")


def seeded():
    """A source of random numbers; says how to repeat the run."""
    print(f"EDUTALLY_TEST_SEED={SEED}", flush=True)
    return random.Random(SEED)


def say_injected(count):
    """For scripts/soak, which adds them up."""
    print(f"EDUTALLY_TEST_INJECTED={count}", flush=True)


def environment(directory, **settings):
    """For a program whose calls below `directory` are to be disturbed: die="7 middle", fail="3 0 EIO", log=FILE …"""
    found = {"LD_PRELOAD": str(LIBRARY), "EDUTALLY_FAULTS_DIR": os.path.realpath(directory)}
    return found | {f"EDUTALLY_FAULTS_{name.upper()}": str(value) for name, value in settings.items() if value is not None}


def calls_of(log):
    """[(name, path)] of the counted calls, in order."""
    lines = pathlib.Path(log).read_text().splitlines() if pathlib.Path(log).exists() else []
    return [tuple(line.split(" ", 2)[1:]) for line in lines]


def unseen_calls(binary):
    """The calls with which a binary could change files behind the library's back."""
    def names(path, *options):
        listed = subprocess.run(["nm", "-D", *options, path], check=True, capture_output=True, text=True).stdout
        return set(re.findall(r"^\s*(?:[0-9a-f]+ )?\s*[TWUi] ([^@\s]+)", listed, re.MULTILINE))
    return (names(binary, "--undefined-only") & CHANGES) - names(LIBRARY, "--defined-only") - HARMLESS


class Entry:
    """One entry of a record."""

    HEADER = struct.Struct("=IIQqII")
    __slots__ = ("type", "error", "inode", "offset", "path", "data")

    def __init__(self, kind, error, inode, offset, path, data):
        self.type, self.error, self.inode, self.offset, self.path, self.data = chr(kind), error, inode, offset, path, data

    def __repr__(self):
        return f"{self.type} {self.path} offset={self.offset} bytes={len(self.data)} error={self.error}"


def read_record(path):
    data, at, entries = pathlib.Path(path).read_bytes(), 0, []
    while at < len(data):
        kind, error, inode, offset, path_bytes, data_bytes = Entry.HEADER.unpack_from(data, at)
        at += Entry.HEADER.size
        name = data[at:at + path_bytes].decode()
        at += path_bytes
        entries.append(Entry(kind, error, inode, offset, name, data[at:at + data_bytes]))
        at += data_bytes
    return entries


def integrity(data_dir):
    """What SQLite says about the store: "ok", or what is wrong."""
    with contextlib.closing(sqlite3.connect(f"file:{data_dir}/edutally.db?mode=ro", uri=True)) as store:
        return "\n".join(row[0] for row in store.execute("PRAGMA integrity_check"))
