# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and links that are either the old ones or the new ones, never half of each."""

from __future__ import annotations

import grp
import os
import pwd
import tempfile
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def atomic_write(
    path: Path, data: bytes, *, mode: int = 0o644, owner: str | None = None, group: str | None = None
) -> None:
    """Write data to a temporary name in the same folder, fsync and rename it into place."""
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            if owner is not None or group is not None:
                os.fchown(stream.fileno(), user_id(owner), group_id(group))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        temporary = None
        fsync_dir(path.parent)
    except OSError as exc:
        raise TrundleError(f"Failed to write {path}: {exc.strerror or exc}") from exc
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def atomic_link(target: str, link: Path) -> None:
    """Point the symbolic link at target; readers see the old or the new one, never none."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(link)
        fsync_dir(link.parent)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise TrundleError(f"Failed to link {link} to {target}: {exc.strerror or exc}") from exc


def read_bytes(path: Path) -> bytes | None:
    """The content, or None where there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise TrundleError(f"Failed to read {path}: {exc.strerror or exc}") from exc


def fsync_dir(path: Path) -> None:
    """Make a rename in this folder outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def user_id(owner: str | None) -> int:
    """The id of a user's name (or number); -1, "leave it", for None."""
    if owner is None:
        return -1
    try:
        return int(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise TrundleError(f"There is no user '{owner}' on this host.") from None


def group_id(group: str | None) -> int:
    """The id of a group's name (or number); -1, "leave it", for None."""
    if group is None:
        return -1
    try:
        return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise TrundleError(f"There is no group '{group}' on this host.") from None
