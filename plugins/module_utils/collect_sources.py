# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source files and their digests: each is read once, and not at all where nothing changed since.

Part of the program in the project's Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError

CHUNK = 1 << 20
# Files up to this size are held in memory while they are worked on.
SMALL = 4 << 20
# A file that was changed so shortly before it was read may change again without another time.
FINE_CLOCK = 0.1
COARSE_CLOCK = 2.5


class Source:
    """One file that a finder gave."""

    __slots__ = ("full", "md5", "name", "path", "settled", "sha256", "size", "stamp", "storage")

    def __init__(self, name: str, storage: Any, path: str, full: str | None) -> None:
        self.name = name
        self.storage = storage
        self.path = path
        # Where it is on disk; None for a storage that has its own way of opening files.
        self.full = full
        self.stamp: Any = None
        self.settled = False
        self.size = -1
        self.md5 = ""
        self.sha256 = ""

    def look(self) -> Any:
        """The stamp of the file now."""
        if self.full is None:
            return None
        try:
            return stamp_of(os.stat(self.full))
        except OSError as exc:
            raise unreadable(self, exc) from exc

    def known(self, stamp: Any, md5: str, sha256: str) -> None:
        self.stamp, self.size, self.md5, self.sha256 = stamp, stamp[0], md5, sha256
        self.settled = True

    def read(self) -> bytes:
        """The whole content. Sets size and digests."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """The content, piece by piece. Sets size and digests at the end."""
        md5, sha256, size = new_md5(), hashlib.sha256(), 0
        started = time.time()
        try:
            with self.open() as stream:
                before = stamp_of(os.fstat(stream.fileno())) if self.full is not None else None
                while True:
                    # Not more than needed, as so much memory is set aside.
                    data = stream.read(CHUNK if before is None else max(1, min(CHUNK, before[0] - size + 1)))
                    if not data or (before is not None and size > before[0]):
                        # All is read, or it grows while it is being read.
                        break
                    md5.update(data)
                    sha256.update(data)
                    size += len(data)
                    yield data
                after = stamp_of(os.fstat(stream.fileno())) if self.full is not None else None
        except OSError as exc:
            raise unreadable(self, exc) from exc
        digest = sha256.hexdigest()
        if before != after or (self.sha256 and digest != self.sha256):
            raise RefusedError(f"The static file {self.full} changed while it was being collected: run again.")
        self.stamp, self.size, self.md5, self.sha256 = after, size, md5.hexdigest(), digest
        self.settled = after is not None and is_settled(after, started)

    def open(self) -> Any:
        if self.full is not None:
            return open(self.full, "rb", buffering=0)
        return self.storage.open(self.path)

    def digest(self) -> None:
        """Set the digests, if they are not known yet."""
        if not self.md5:
            for _data in self.chunks():
                pass


def stamp_of(status: os.stat_result) -> Any:
    """Size, time of the content, time of the inode (which no program can set back), inode and device."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def is_settled(stamp: Any, started: float) -> bool:
    """Whether any later change of the file would show in its stamp."""
    changed = max(stamp[1], stamp[2])
    clock = COARSE_CLOCK if stamp[2] % 1000000 == 0 else FINE_CLOCK
    return bool(changed / 1e9 < started - clock)


def new_md5() -> Any:
    try:
        return hashlib.md5(usedforsecurity=False)
    except TypeError:  # Python 3.8
        return hashlib.md5()  # noqa: S324 (Django names files by it)


def unreadable(source: Source, exc: OSError) -> RefusedError:
    return RefusedError(f"Failed to read the static file {source.full or source.name}: {exc.strerror or exc}")


def sources_of(found: dict[str, tuple[Any, str]]) -> dict[str, Source]:
    from django.core.files.storage import FileSystemStorage

    plain: dict[int, str | None] = {}
    sources = {}
    for name, (storage, path) in found.items():
        if id(storage) not in plain:
            plain[id(storage)] = location_of(storage, FileSystemStorage)
        location = plain[id(storage)]
        sources[name] = Source(name, storage, path, None if location is None else os.path.join(location, path))
    return sources


def location_of(storage: Any, local: Any) -> str | None:
    """The folder of a storage whose files are simply those below it."""
    same = all(getattr(type(storage), name, None) is getattr(local, name) for name in ("open", "_open", "path"))
    return str(storage.location) if same else None
