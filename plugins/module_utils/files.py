# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and links that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from typing import Optional, Union

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# Python 3.9 evaluates this alias, so it cannot be written with "|".
PathLike = Union[str, "os.PathLike[str]"]


def atomic_write(
    path: PathLike, data: bytes, *, mode: int = 0o644, owner: str | None = None, group: str | None = None
) -> None:
    """Write data to a temporary name in the same folder, fsync and rename it into place."""
    target = os.fspath(path)
    folder, name = os.path.split(target)
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", suffix=".tmp", dir=folder or ".")
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            if owner is not None or group is not None:
                os.fchown(stream.fileno(), user_id(owner), group_id(group))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
        temporary = None
        fsync_dir(folder or ".")
    except OSError as exc:
        raise TrundleError(f"Failed to write {target}: {exc.strerror or exc}") from exc
    finally:
        if temporary is not None:
            remove_if_present(temporary)


def atomic_link(target: str, link: PathLike) -> None:
    """Point the symbolic link at target; readers see the old or the new one, never none."""
    path = os.fspath(link)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        remove_if_present(temporary)
        os.symlink(target, temporary)
        os.replace(temporary, path)
        fsync_dir(folder or ".")
    except OSError as exc:
        remove_if_present(temporary)
        raise TrundleError(f"Failed to link {path} to {target}: {exc.strerror or exc}") from exc


def read_bytes(path: PathLike) -> bytes | None:
    """The content, or None where there is no such file."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise TrundleError(f"Failed to read {os.fspath(path)}: {exc.strerror or exc}") from exc


def fsync_dir(path: PathLike) -> None:
    """Make a rename in this folder outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_if_present(path: PathLike) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def user_id(owner: Optional[str]) -> int:
    """The id of a user's name (or number); -1, "leave it", for None."""
    if owner is None:
        return -1
    try:
        return int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise TrundleError(f"There is no user '{owner}' on this host.") from None


def group_id(group: Optional[str]) -> int:
    """The id of a group's name (or number); -1, "leave it", for None."""
    if group is None:
        return -1
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise TrundleError(f"There is no group '{group}' on this host.") from None
