# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache: finished files by content, and what was found out about contents.

One folder, safe to delete at any moment, shared by all projects and by builds side by side:

- ``blobs/a/abcd...-644``: finished files, named by the SHA-256 of their bytes, and by their mode as
  they share it with the releases' folders, where they are hard links. They come to be by such a
  link to a file that is written already, so half a blob is never seen.
- ``trees/<key>.json``: what the last run of a project found, so that the next one has to look at
  the times of its files only.
- ``facts.log``: what is known about contents whatever project they are in. Each line has its
  checksum and is appended in one write; a torn one is passed over.

Part of the program in the project's Python: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import random
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from typing import Any

CHUNK = 1 << 20
# Files of a tree that are encoded at a time.
PIECE = 1000
ENCODER = json.JSONEncoder(separators=(",", ":"))
# Bytes of blobs that are read and compared in each run although nothing speaks against them.
SPOT_CHECK = 8 << 20
# Where a hard link cannot be made: other file system, link limit, a file system without links.
NO_LINK = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.ENOSYS)


class Cache:
    """The cache of one run. Whatever goes wrong with it costs time only: nothing is raised."""

    def __init__(self, folder: str, *, bound: int, mode: int) -> None:
        self.folder = folder
        self.bound = bound
        self.mode = mode
        self.writable = True
        self.links = True
        self.added = 0
        self.reused = 0
        self.damaged: list[str] = []
        # Blob -> the time of its content when it was last known to be right.
        self.times: dict[str, int] = {}
        self.used: set[str] = set()
        # What earlier runs have noted.
        self.log: FactLog | None = None
        self.pending: list[str] = []
        self.waiting = 0
        self.spot_check = SPOT_CHECK
        self.shards: set[str] = set()
        try:
            os.makedirs(os.path.join(folder, "trees"), mode=0o700, exist_ok=True)
        except OSError:
            self.writable = False

    # Blobs

    def blob_name(self, sha256: str) -> str:
        return f"{sha256}-{self.mode:o}"

    def blob_path(self, blob: str) -> str:
        return f"{self.folder}/blobs/{blob[:1]}/{blob}"

    def place(self, sha256: str, size: int, target: str) -> bool:
        """Put a blob in its place, if it is there and right."""
        blob = self.blob_name(sha256)
        path = self.blob_path(blob)
        try:
            status = os.stat(path)
        except OSError:
            return False
        if not self.is_right(blob, path, status, sha256, size):
            self.damaged.append(blob)
            with contextlib.suppress(OSError):
                os.unlink(path)
            return False
        if not self.link(path, target, sha256):
            return False
        self.used.add(blob)
        self.reused += 1
        return True

    def has(self, sha256: str, size: int) -> bool:
        try:
            return os.stat(self.blob_path(self.blob_name(sha256))).st_size == size
        except OSError:
            return False

    def is_right(self, blob: str, path: str, status: os.stat_result, sha256: str, size: int) -> bool:
        if status.st_size != size or status.st_mode & 0o7777 != self.mode:
            return False
        if self.times.get(blob) == status.st_mtime_ns:
            # A sample is compared anyway: disks forget without changing a time.
            if size > self.spot_check or random.random() > 0.05:  # noqa: S311 (a sample, no secret)
                return True
            self.spot_check -= size
        if file_digest(path) != sha256:
            return False
        self.times[blob] = status.st_mtime_ns
        return True

    def link(self, path: str, target: str, sha256: str) -> bool:
        if self.links:
            try:
                os.link(path, target)
                return True
            except OSError as exc:
                if exc.errno not in NO_LINK:
                    return False
                self.links = exc.errno == errno.EMLINK
        try:
            copied = copy_checked(path, target, self.mode)
            # The use of a linked blob shows in its inode's time; here it has to be touched.
            os.utime(path, ns=(0, os.stat(path).st_mtime_ns))
        except OSError:
            copied = ""
        if copied != sha256:
            with contextlib.suppress(OSError):
                os.unlink(target)
            return False
        return True

    def keep(self, sha256: str, size: int, source: str, *, costly: bool) -> None:
        """Take in a finished file. costly: worth a copy where it cannot be linked."""
        if not self.writable or size > self.bound // 4:
            return
        blob = self.blob_name(sha256)
        path = self.blob_path(blob)
        try:
            if blob[:1] not in self.shards:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                self.shards.add(blob[:1])
            if self.links:
                try:
                    os.link(source, path)
                except OSError as exc:
                    if exc.errno not in NO_LINK:
                        raise
                    self.links = exc.errno == errno.EMLINK
            if not self.links:
                if not costly or os.path.exists(path):
                    return
                self.copy_in(source, path)
            self.times[blob] = os.stat(path).st_mtime_ns
        except OSError:
            # Another build was faster, or the folder is gone: both are fine.
            return
        self.used.add(blob)
        self.added += size

    def copy_in(self, source: str, path: str) -> None:
        handle, temporary = tempfile.mkstemp(prefix=".new.", dir=os.path.dirname(path))
        os.close(handle)
        try:
            shutil.copyfile(source, temporary)
            os.chmod(temporary, self.mode)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise

    # Facts

    def fact(self, key: str) -> Any:
        """What an earlier run has noted."""
        if self.log is None:
            self.log = FactLog(os.path.join(self.folder, "facts.log"))
        return self.log.get(key)

    def note(self, key: str, value: Any) -> None:
        if not self.writable:
            return
        line = ENCODER.encode([key, value])
        self.pending.append(f"{zlib.crc32(line.encode('ascii')):08x}{line}\n")
        self.waiting += len(line)
        if self.waiting > CHUNK:
            self.flush()

    def flush(self) -> None:
        """Append what was noted, in one write, so that builds side by side do not mix their lines."""
        self.waiting = 0
        if not self.pending:
            return
        # The empty line ends one that was torn.
        data = ("\n" + "".join(self.pending)).encode("ascii")
        self.pending = []
        with contextlib.suppress(OSError):
            handle = os.open(os.path.join(self.folder, "facts.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
            self.added += len(data)

    # Trees

    def load_tree(self, key: str) -> dict[str, Any]:
        """What was saved for the key; nothing where that is missing or damaged."""
        path = os.path.join(self.folder, "trees", key + ".json")
        try:
            with open(path, "rb") as stream:
                checksum = stream.readline().strip()
                data = stream.read()
        except OSError:
            return {}
        if hashlib.sha256(data).hexdigest().encode("ascii") != checksum:
            self.damaged.append(f"{key}.json")
            return {}
        tree: dict[str, Any] = json.loads(data)
        del data
        self.times.update(tree["blobs"])
        return tree

    def save_tree(self, key: str, tree: dict[str, Any]) -> None:
        if not self.writable:
            return
        used = {blob: self.times[blob] for blob in self.used if blob in self.times}
        folder = os.path.join(self.folder, "trees")
        with contextlib.suppress(OSError):
            handle, temporary = tempfile.mkstemp(prefix=".new.", dir=folder)
            digest = hashlib.sha256()
            with os.fdopen(handle, "wb") as stream:
                # Its checksum comes first, and is known last.
                stream.write(b"-" * 64 + b"\n")
                for data in encoded({**tree, "blobs": used}):
                    digest.update(data)
                    stream.write(data)
                self.added += stream.tell()
                stream.seek(0)
                stream.write(digest.hexdigest().encode("ascii"))
            os.replace(temporary, os.path.join(folder, key + ".json"))

    def touch_tree(self, key: str) -> None:
        with contextlib.suppress(OSError):
            os.utime(os.path.join(self.folder, "trees", key + ".json"))


def encoded(tree: dict[str, dict[str, Any]]) -> Iterator[bytes]:
    """The JSON of a tree in pieces: as one text, that of many files takes as much memory as all else."""
    opening = "{"
    for name, entries in tree.items():
        yield f"{opening}{ENCODER.encode(name)}:{{".encode("ascii")
        opening = ","
        items = iter(entries.items())
        comma = ""
        while True:
            piece = dict(itertools.islice(items, PIECE))
            if not piece:
                break
            yield f"{comma}{ENCODER.encode(piece)[1:-1]}".encode("ascii")
            comma = ","
        yield b"}"
    yield b"}"


class FactLog:
    """Where each fact is in the log; it is read when it is asked for, so that memory stays small."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.places: dict[str, int] = {}
        with contextlib.suppress(OSError), open(path, "rb") as stream:
            place = 0
            for line in stream:
                text = fact_text(line)
                if text is not None:
                    self.places[fact_key(text)] = place
                place += len(line)

    def get(self, key: str) -> Any:
        place = self.places.get(key)
        if place is None:
            return None
        try:
            with open(self.path, "rb") as stream:
                stream.seek(place)
                text = fact_text(stream.readline())
        except OSError:
            return None
        # Another build may have begun the log anew meanwhile.
        return json.loads(text)[1] if text is not None and fact_key(text) == key else None


def fact_key(text: bytes) -> str:
    """What a fact begins with: ["key","""
    return text[2 : text.index(b'"', 2)].decode("ascii")


def fact_text(line: bytes) -> bytes | None:
    """A line without its checksum; None for one that is torn or wrong."""
    text = line[8:].rstrip(b"\n")
    return text if text and line[:8] == b"%08x" % zlib.crc32(text) else None


def file_digest(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as stream:
            for chunk in iter(lambda: stream.read(CHUNK), b""):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def copy_checked(source: str, target: str, mode: int) -> str:
    """Copy a file and return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as written, open(source, "rb", buffering=0) as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
            written.write(chunk)
        os.fchmod(written.fileno(), mode)
    return digest.hexdigest()
