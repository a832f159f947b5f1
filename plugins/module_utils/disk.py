# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release takes on a disk, in bytes and in inodes, and whether a host has them (F28)."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# What most file systems hand out at once; a file of one byte takes as much.
_BLOCK = 4096


@dataclass(frozen=True)
class Size:
    """files: files, folders and links, which take an inode each."""

    bytes: int = 0
    files: int = 0

    def __add__(self, other: Size) -> Size:
        return Size(self.bytes + other.bytes, self.files + other.files)


@dataclass(frozen=True)
class Room:
    """What is free below path for others than root; files is None where the file system makes inodes as it goes."""

    path: Path
    bytes: int
    files: int | None


def blocks(length: int) -> int:
    return max(1, -(-length // _BLOCK)) * _BLOCK


def archive_size(archive: Path) -> Size:
    """What a tar archive takes when it is unpacked."""
    try:
        with tarfile.open(archive, "r:*") as tar:
            lengths = [blocks(member.size) for member in tar]
    except (OSError, EOFError, tarfile.TarError) as exc:
        raise TrundleError(f"Failed to read {archive}: {exc}.") from exc
    return Size(sum(lengths), len(lengths))


def tree_size(folder: Path) -> Size:
    """What a folder takes, links not followed; nothing where it is not there."""
    if not folder.is_dir():
        return Size()
    lengths = [_BLOCK]
    for parent, folders, names in os.walk(folder):
        lengths += [blocks(Path(parent, name).lstat().st_size) for name in (*folders, *names)]
    return Size(sum(lengths), len(lengths))


def room_for(folder: Path) -> Room:
    """What is free where the folder is, or will be."""
    path = folder
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        found = os.statvfs(path)
    except OSError as exc:
        raise TrundleError(f"Failed to ask for the room at {path}: {exc.strerror or exc}") from exc
    return Room(path, found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def shortages(room: Room, needed: Size) -> list[str]:
    """What is short, each as needed and free."""
    found = []
    if room.bytes < needed.bytes:
        found.append(f"it needs {mebibytes(needed.bytes)} there, and {mebibytes(room.bytes)} are free")
    if room.files is not None and room.files < needed.files:
        found.append(f"it needs {needed.files} inodes there, and {room.files} are free")
    return found


def mebibytes(length: int) -> str:
    return f"{length / 2**20:.1f} MiB"
