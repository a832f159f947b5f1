# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the storage class sees while it names files: the static folder as it would be.

Part of the program in the project's Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_sources import Source
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import OwnWayError


class Digested:
    """Stands for a file of which the class wants nothing but the digest."""

    def __init__(self, md5: str) -> None:
        self.trundle_md5 = md5

    def close(self) -> None:
        pass


class View:
    """The sources under their own names, and the names given so far.

    It has the part of Django's `hashed_files` dict that url_converter() uses, and notes what was
    asked, so that the same content need not be looked at again while the answers are the same.
    """

    def __init__(self, sources: dict[str, Source], *, plain: bool, prefix: str) -> None:
        self.sources = sources
        self.prefix = prefix
        self.folders = {"."}
        # Whether the class names files by Django's own rule, so that their digest is enough.
        self.plain = plain
        self.final: dict[str, str] = {}
        self.waiting: set[str] = set()
        self.issued: set[str] = set()
        self.asked: dict[tuple[str, str], Any] = {}
        self.needed: dict[str, None] = {}
        for name in sources:
            folder = name.rpartition("/")[0]
            while folder and folder not in self.folders:
                self.folders.add(folder)
                folder = folder.rpartition("/")[0]

    def begin(self) -> None:
        """Before a file is looked at."""
        self.asked = {}
        self.needed = {}

    def settle(self, key: str, hashed: str) -> None:
        self.final[key] = hashed
        self.issued.add(hashed)

    def answer(self, kind: str, name: str) -> Any:
        if kind == "name":
            return self.final.get(name)
        if kind == "prefix":
            return self.prefix
        if kind == "exists":
            return name in self.sources or name in self.folders
        if name in self.sources:
            self.sources[name].digest()
            return self.sources[name].md5
        return None

    def same_answers(self, trace: list[list[Any]]) -> bool:
        return all(self.answer(kind, name) == answer for kind, name, answer in trace)

    def waits_for(self, trace: list[list[Any]]) -> list[str]:
        return [name for kind, name, _answer in trace if kind == "name" and name in self.waiting]

    def is_stale(self, trace: list[list[Any]]) -> bool:
        """Whether an answer is another one now, apart from names that are still to come."""
        return any(
            self.answer(kind, name) != answer
            for kind, name, answer in trace
            if kind != "name" or (name not in self.waiting) or answer is None
        )

    def trace(self) -> list[list[Any]]:
        return [[kind, name, answer] for (kind, name), answer in self.asked.items()]

    # What HashedFilesMixin does with hashed_files

    def get(self, key: str, default: Any = None) -> Any:
        if key in self.waiting:
            # A name of the right shape: which one it is comes out later.
            self.needed[key] = None
            root, extension = posixpath.splitext(key)
            return f"{root}.{'0' * 12}{extension}"
        answer = self.final.get(key)
        self.asked[("name", key)] = answer
        return default if answer is None else answer

    # What it does with the storage

    def exists(self, name: str) -> bool:
        path = self.normal(name)
        if path in self.issued and path not in self.sources:
            raise OwnWayError(f"a file refers to the hashed name {path}")
        found = self.answer("exists", path)
        self.asked[("exists", path)] = found
        return bool(found)

    def open(self, name: str) -> Any:
        path = self.normal(name)
        digest = self.answer("digest", path)
        self.asked[("digest", path)] = digest
        if digest is None:
            raise IsADirectoryError(path)
        if self.plain:
            return Digested(digest)
        source = self.sources[path]
        return source.storage.open(source.path)

    def normal(self, name: str) -> str:
        from django.core.exceptions import SuspiciousFileOperation

        path = os.path.normpath(name)
        if path.startswith(("/", "../")) or path == "..":
            raise SuspiciousFileOperation(f"{name} is outside of the static folder")
        return path
