# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes finished files, each once, or has the build cache give them.

Part of the program in the project's Python: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import shutil
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache
from ansible_collections.trundle.django.plugins.module_utils.collect_sources import SMALL, Source
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import OwnWayError


class Outputs:
    """The folder of the finished files; for a dry run there is none, and nothing is written."""

    def __init__(self, folder: str | None, cache: Cache | None, *, mode: int, folder_mode: int | None) -> None:
        self.folder = folder
        self.cache = cache
        self.mode = mode
        self.folder_mode = folder_mode
        self.folders: set[str] = set()
        # Name -> size and SHA-256.
        self.files: dict[str, tuple[int, str]] = {}
        self.reused = 0
        # Names of the files that were made, or copied, since the cache did not have them.
        self.written: list[str] = []

    def clear(self) -> None:
        """Take everything back, for another way of collecting."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.makedirs(self.folder, exist_ok=True)
        self.folders, self.files = set(), {}
        self.reused, self.written = 0, []

    def link(self, name: str, sha256: str, size: int) -> bool:
        """Whether the cache had the file, or there is nothing to do."""
        if self.is_there(name, sha256):
            return True
        if self.folder is None:
            done = self.cache is not None and self.cache.has(sha256, size)
        else:
            done = self.cache is not None and self.cache.place(sha256, size, self.target(name))
        if done:
            self.files[name] = (size, sha256)
            self.reused += 1
        return done

    def is_there(self, name: str, sha256: str) -> bool:
        """Whether the name is taken, by the same bytes."""
        present = self.files.get(name)
        if present is None:
            return False
        if present[1] != sha256:
            raise OwnWayError(f"two files are to be called {name}")
        return True

    def write(self, name: str, data: bytes, sha256: str, *, costly: bool = True) -> None:
        if self.link(name, sha256, len(data)):
            return
        if self.folder is not None:
            target = self.target(name)
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fchmod(handle, self.mode)
            finally:
                os.close(handle)
            self.keep(target, sha256, len(data), costly=costly)
        self.files[name] = (len(data), sha256)
        self.written.append(name)

    def copy(self, name: str, source: Source) -> None:
        """Copy a source whose digests are known, or are not: then they are afterwards."""
        if source.sha256 and self.link(name, source.sha256, source.size):
            return
        if self.folder is None:
            source.digest()
        else:
            self.stream(source, self.target(name))
            self.keep(self.target(name), source.sha256, source.size, costly=False)
        self.files[name] = (source.size, source.sha256)
        self.written.append(name)

    def take(self, source: Source) -> Any:
        """Read a source whose name depends on its digest: its content, or a handle to a copy of it.

        Large files go to disk while they are read, so that memory stays small.
        """
        size = SMALL + 1 if source.full is None else source.look()[0]
        if size <= SMALL:
            return source.read()
        if self.folder is None:
            source.digest()
            return None
        temporary = os.path.join(self.folder, ".collecting")
        self.stream(source, temporary)
        return temporary

    def finish(self, name: str, source: Source, taken: Any) -> None:
        """Put what take() gave in its place."""
        if isinstance(taken, bytes):
            self.write(name, taken, source.sha256, costly=False)
        elif taken is None:
            self.files[name] = (source.size, source.sha256)
            self.written.append(name)
        elif self.link(name, source.sha256, source.size):
            os.unlink(taken)
        else:
            os.rename(taken, self.target(name))
            self.keep(self.target(name), source.sha256, source.size, costly=False)
            self.files[name] = (source.size, source.sha256)
            self.written.append(name)

    def stream(self, source: Source, target: str) -> None:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb", buffering=0) as written:
            for chunk in source.chunks():
                written.write(chunk)
            os.fchmod(handle, self.mode)

    def keep(self, target: str, sha256: str, size: int, *, costly: bool) -> None:
        if self.cache is not None:
            self.cache.keep(sha256, size, target, costly=costly)

    def target(self, name: str) -> str:
        if self.folder is None:
            raise AssertionError("There is no folder to write to.")
        folder = name.rpartition("/")[0]
        if folder not in self.folders:
            self.make_folder(folder)
        return f"{self.folder}/{name}"

    def make_folder(self, folder: str) -> None:
        if folder and folder not in self.folders:
            self.make_folder(folder.rpartition("/")[0])
            path = f"{self.folder}/{folder}"
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(path)
                if self.folder_mode is not None:
                    os.chmod(path, self.folder_mode)
            except NotADirectoryError:
                raise OwnWayError(f"{folder} is both a file and a folder") from None
        self.folders.add(folder)


def check_output_name(name: str) -> str:
    """A name that stays below the folder, and names one file only."""
    if not name or posixpath.normpath(name) != name or name.startswith(("/", "../")) or name == "..":
        raise OwnWayError(f"the hashed name {name!r} is not a plain one")
    return name
