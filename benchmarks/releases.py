# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases to upload, as collectstatic writes them: made up ones, and the next one of a real one."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils import headers
from ansible_collections.trundle.django.plugins.module_utils.manifest import Manifest, sha256
from ansible_collections.trundle.django.plugins.module_utils.record import (
    MANIFEST_NAME,
    RECORD_NAME,
    FileEntry,
    Record,
    Source,
    dumps,
)
from ansible_collections.trundle.django.plugins.module_utils.transfer import load_package


def made_up(folder: Path, *, count: int, size: int, release: str = "v1", seed: int = 1) -> Path:
    """A release of so many files of random bytes."""
    chance = random.Random(seed)
    contents = ((f"made-up/{number // 100}/file-{number}.js", chance.randbytes(size)) for number in range(count))
    return write(folder, release, contents)


def with_zeros(folder: Path, *, size: int, release: str = "v1") -> Path:
    """A release of one file of zeros, which takes no room on the disk."""
    digest, block = hashlib.sha256(), bytes(1024 * 1024)
    for _number in range(size // len(block)):
        digest.update(block)
    key = "video/zeros.0123456789ab.mp4"
    path = folder / "static" / key
    path.parent.mkdir(parents=True)
    with path.open("wb") as stream:
        stream.truncate(size)
    entry = FileEntry(size, digest.hexdigest(), "video/mp4", headers.CACHE_HASHED)
    return _finish(folder, _empty(release), {"video/zeros.mp4": key}, {key: entry})


def write(folder: Path, release: str, contents: Iterable[tuple[str, bytes]]) -> Path:
    """Write a release with hashed names; contents are pairs of name and bytes."""
    paths: dict[str, str] = {}
    entries: dict[str, FileEntry] = {}
    for name, data in contents:
        paths[name] = hashed_name(name, data)
        entries[paths[name]] = _entry(name, data)
        _put(folder / "static" / paths[name], data)
    return _finish(folder, _empty(release), paths, entries)


def with_changes(package: Path, folder: Path, *, release: str, every: int = 100) -> Path:
    """The next release of one: every so many'th hashed file has another content, and so another name.

    Files that did not change are hard links, with the times that they had.
    """
    shutil.copytree(package / "static", folder / "static", copy_function=os.link)
    record = load_package(str(package)).record
    paths, entries = dict(record.manifest.paths), dict(record.files)
    hashed = [(name, key) for name, key in sorted(paths.items()) if name != key]
    for name, key in hashed[::every]:
        path = folder / "static" / key
        data = path.read_bytes() + b"\n/* changed */\n"
        path.unlink()
        del entries[key]
        paths[name] = hashed_name(name, data)
        entries[paths[name]] = _entry(name, data)
        _put(folder / "static" / paths[name], data)
    return _finish(folder, replace(record, release=release), paths, entries)


def hashed_name(name: str, data: bytes) -> str:
    """As Django names it: with the first twelve digits of the MD5."""
    stem, dot, extension = name.rpartition(".")
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()[:12]
    return f"{stem}.{digest}.{extension}" if dot else f"{name}.{digest}"


def _empty(release: str) -> Record:
    return Record(release, "2026-11-21T09:00:00Z", Source(), "5.2.8", "hashed", "/static/", Manifest("", {}), {})


def _entry(name: str, data: bytes) -> FileEntry:
    return FileEntry(len(data), sha256(data), headers.content_type(name), headers.CACHE_HASHED)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _finish(folder: Path, record: Record, paths: dict[str, str], entries: dict[str, FileEntry]) -> Path:
    manifest = json.dumps({"paths": paths, "version": "1.1", "hash": ""}).encode()
    record = replace(record, manifest=Manifest(sha256(manifest), paths), files=entries)
    (folder / MANIFEST_NAME).write_bytes(manifest)
    (folder / RECORD_NAME).write_bytes(dumps(record))
    return folder
