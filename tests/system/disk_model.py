"""What a disk may hold after power loss, worked out from a record of libedutally_faults.so (tests/faults/faults.h).

The rules are POSIX's, read as harshly as they allow: a file's bytes and size are safe once fsync or fdatasync of that file
returned 0, a name (of a file made, renamed or removed, of a directory made) once fsync of its directory did. Whatever is not
safe is there, is not there, or is there in part, in sectors of 512 bytes, whatever the order in which it was written; a file
that grew may hold zeros or old garbage where its new bytes are missing. A sync that failed has decided the fate of what was
written before it: later ones do not bring it back.

`-shm` files of SQLite are left out: they are not durable, and their content does not come by system calls.
"""

import pathlib

SECTOR = 512
NOT_DURABLE = ("-shm",)


class File:
    def __init__(self):
        self.safe = bytearray()
        self.unsafe = []  # (offset, bytes), or (size, None): a truncation


def put(content, offset, data):
    if data is None:
        if offset < len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def put_torn(content, offset, data, chance):
    """Some sectors of the data arrive. Those behind the old end that do not are zeros or garbage, if the file grew."""
    if data is None:
        return
    size, at = len(content), offset
    grown = max(size, offset + len(data)) if chance.random() < 0.5 else size
    content.extend(bytes(grown - size))
    while at < offset + len(data):
        until = min(offset + len(data), (at // SECTOR + 1) * SECTOR)
        if chance.random() < 0.5:
            put(content, at, data[at - offset:until - offset])
        elif size <= at < len(content) and chance.random() < 0.2:
            put(content, at, chance.randbytes(min(until, len(content)) - at))
        at = until


class Fate:
    """What becomes of what was not safe. All or nothing of bytes and of names; or each by chance."""

    KINDS = ("nothing", "all", "bytes", "names", "chance", "chance", "torn")

    def __init__(self, chance, kind=None):
        self.chance, self.kind = chance, kind or chance.choice(self.KINDS)
        self.kept = chance.choice((0.1, 0.5, 0.9))

    def keeps_name(self):
        if self.kind in ("chance", "torn"):
            return self.chance.random() < self.kept
        return self.kind in ("all", "names")

    def settle(self, content, writes):
        """Applies to the content what arrived of the writes."""
        if self.kind in ("nothing", "names"):
            return
        last = self.chance.randrange(len(writes)) if self.kind == "torn" and writes else None
        for at, (offset, data) in enumerate(writes):
            if last is not None and at >= last:
                put_torn(content, offset, data, self.chance)
                return
            if self.kind != "chance" or self.chance.random() < self.kept:
                put(content, offset, data)
            elif self.chance.random() < 0.5:
                put_torn(content, offset, data, self.chance)


class Disk:
    """The disk as it stands after some entries of a record. It begins empty: `root` alone is there."""

    def __init__(self, root, failed_sync, syncs_work=lambda path: True):
        """`failed_sync`: the fate of what a failed sync should have made safe. `syncs_work(path)`: False for a disk that
        lies."""
        self.root, self.failed_sync, self.syncs_work = str(root), failed_sync, syncs_work
        self.files = {}  # inode -> File, of what is open or has a name
        self.names = {}  # path -> File, or None for a directory: what is safe
        self.unsafe_names = []  # (directory, {path: File, None or "gone"}): each happened as a whole or not at all

    def _file(self, entry):
        if entry.inode not in self.files:
            raise AssertionError(f"the record does not say how this file came to be: {entry}")
        return self.files[entry.inode]

    def _rename(self, paths, path):
        self.unsafe_names.append((path.rpartition("/")[0], paths))

    def _now(self):
        """The names as running processes see them."""
        names = dict(self.names)
        for _, paths in self.unsafe_names:
            names.update(paths)
        return {path: file for path, file in names.items() if file != "gone"}

    def _sync(self, entry):
        if not self.syncs_work(entry.path):
            return
        file = self.files.get(entry.inode)
        if file is not None:
            if entry.error != 0:
                self.failed_sync.settle(file.safe, file.unsafe)
            else:
                for offset, data in file.unsafe:
                    put(file.safe, offset, data)
            file.unsafe = []
        elif entry.error == 0:
            for _, paths in (one for one in self.unsafe_names if one[0] == entry.path):
                self.names.update(paths)
            self.unsafe_names = [one for one in self.unsafe_names if one[0] != entry.path]
            self.names = {path: file for path, file in self.names.items() if file != "gone"}

    def apply(self, entry):
        if entry.path.endswith(NOT_DURABLE):
            return
        if entry.type == "w":
            self._file(entry).unsafe.append((entry.offset, entry.data))
        elif entry.type == "t":
            self._file(entry).unsafe.append((entry.offset, None))
        elif entry.type == "c":
            self.files[entry.inode] = File()
            self._rename({entry.path: self.files[entry.inode]}, entry.path)
        elif entry.type == "m":
            self.files.pop(entry.inode, None)  # a removed file's, if any
            self._rename({entry.path: None}, entry.path)
        elif entry.type in ("u", "d"):
            self._rename({entry.path: "gone"}, entry.path)
        elif entry.type == "r":
            old, _, new = entry.path.partition("\0")
            self._rename({old: "gone", new: self._now()[old]}, new)
        elif entry.type == "s":
            self._sync(entry)

    def rebuild(self, target, fate):
        """Makes the directory `target` what `root` may be after power loss now, and that fate."""
        names, target = dict(self.names), pathlib.Path(target)
        for _, paths in self.unsafe_names:
            if fate.keeps_name():
                names.update(paths)
        target.mkdir()
        contents = {}
        for path, file in sorted(names.items(), key=lambda item: item[0]):  # a directory before what is in it
            place = target / path[len(self.root) + 1:]
            if file == "gone" or not place.parent.is_dir():
                continue
            if file is None:
                place.mkdir(mode=0o700)
                continue
            if id(file) not in contents:
                contents[id(file)] = bytearray(file.safe)
                fate.settle(contents[id(file)], file.unsafe)
            place.write_bytes(contents[id(file)])
            place.chmod(0o600)


def tree(directory):
    """{path: bytes} of all files that are durable, to compare a disk with the real one."""
    directory = pathlib.Path(directory)
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*"))
            if path.is_file() and not path.name.endswith(NOT_DURABLE)}
