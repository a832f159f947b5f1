# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack a code archive, and nothing outside the folder it is unpacked into."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def unpack(archive: Path, folder: Path, *, leave_out: Collection[str] = ()) -> int:
    """Unpack files, folders and symbolic links of a tar archive; returns how many members it had.

    Every member is checked before the first is written. Modes are those of the archive without write
    permission for others; owners are not taken from it.
    """
    try:
        with tarfile.open(archive, "r:*") as tar:
            members = checked_members(tar.getmembers(), leave_out=leave_out)
            # The filter of newer Pythons checks once more, with the links that are on the disk.
            options: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            tar.extractall(folder, members=members, **options)  # noqa: S202 - every member was checked
    except (OSError, EOFError, tarfile.TarError) as exc:
        raise TrundleError(f"Failed to unpack {archive}: {exc}.") from exc
    return len(members)


def checked_members(members: list[tarfile.TarInfo], *, leave_out: Collection[str] = ()) -> list[tarfile.TarInfo]:
    """Refuse an archive with a member that could be written, or point, outside of the folder."""
    seen: dict[str, tarfile.TarInfo] = {}
    for member in members:
        path = posixpath.normpath(member.name)
        if path == "." or path in leave_out:
            continue
        _check_path(member, path)
        _check_kind(member, path)
        earlier = seen.get(path)
        if earlier is not None and not (earlier.isdir() and member.isdir()):
            raise _refused(member, "the archive has it twice")
        # The user that unpacks owns everything; as root, tarfile would look the names up.
        member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        member.mode = member.mode & 0o755 | (0o700 if member.isdir() else 0o600)
        seen[path] = member
    for path, member in seen.items():
        _check_parents(member, path, seen)
    return list(seen.values())


def _check_path(member: tarfile.TarInfo, path: str) -> None:
    if path.startswith(("/", "../")) or path == "..":
        raise _refused(member, "its name leads out of the folder")


def _check_kind(member: tarfile.TarInfo, path: str) -> None:
    if member.issym():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
        if target.startswith(("/", "../")) or target == "..":
            raise _refused(member, f"it is a link that leads out of the folder, to {member.linkname!r}")
    elif not member.isfile() and not member.isdir():
        raise _refused(member, "it is neither a file nor a folder nor a symbolic link")


def _check_parents(member: tarfile.TarInfo, path: str, seen: dict[str, tarfile.TarInfo]) -> None:
    """What lies below a link would be written where the link leads."""
    parent = posixpath.dirname(path)
    while parent:
        if parent in seen and not seen[parent].isdir():
            raise _refused(member, f"it lies below {parent!r}, which is not a folder")
        parent = posixpath.dirname(parent)


def _refused(member: tarfile.TarInfo, cause: str) -> TrundleError:
    return TrundleError(f"The archive is refused for its member {member.name!r}: {cause}.")
