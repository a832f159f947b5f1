# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files of a program's configuration, all of them the new ones or all of them the old ones."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, read_bytes
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner


@dataclass(frozen=True)
class Entry:
    """What should be at a path; data is None for what is no file, keep leaves a file alone that is there."""

    path: Path
    state: str
    mode: int
    data: bytes | None = None
    keep: bool = False
    secret: bool = False


@dataclass(frozen=True)
class Found:
    """What is at a path: file, directory, link, or absent."""

    state: str
    mode: int = 0
    data: bytes | None = None
    target: str | None = None


def look(path: Path) -> Found:
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return Found("absent")
    except OSError as exc:
        raise TrundleError(f"Failed to look at {path}: {exc.strerror or exc}") from exc
    if stat.S_ISLNK(mode):
        return Found("link", target=str(path.readlink()))
    if stat.S_ISDIR(mode):
        return Found("directory", mode=stat.S_IMODE(mode))
    if not stat.S_ISREG(mode):
        raise TrundleError(f"{path} is neither a file, a folder nor a link: move it out of the way.")
    return Found("file", mode=stat.S_IMODE(mode), data=read_bytes(path))


def differs(entry: Entry, found: Found) -> bool:
    """Refuses what could only be put right by removing a folder with what is in it."""
    if entry.state == "absent":
        if found.state == "directory":
            raise TrundleError(f"{entry.path} is a folder: it is not removed with what is in it.")
        return found.state != "absent"
    if entry.state == "directory":
        if found.state in ("file", "link") and not entry.path.is_dir():
            raise TrundleError(f"{entry.path} should be a folder and is a {found.state}: move it out of the way.")
        return found.state == "absent" or (found.state == "directory" and found.mode != entry.mode)
    if found.state == "directory":
        raise TrundleError(f"{entry.path} should be a file and is a folder: move it out of the way.")
    if entry.keep and found.state != "absent":
        return False
    return found.state != "file" or found.mode != entry.mode or found.data != entry.data


def apply(changes: Sequence[tuple[Entry, Found]], *, run: Runner, validate: Sequence[str]) -> None:
    """Make the changes in their order; where one fails, or the test of them all, undo those made."""
    made: list[tuple[Entry, Found]] = []
    try:
        for entry, found in changes:
            made.append((entry, found))
            _put(entry, found)
        if validate and changes:
            _test(run, list(validate))
    except TrundleError:
        for entry, found in reversed(made):
            _put_back(entry.path, found)
        raise


def _put(entry: Entry, found: Found) -> None:
    try:
        if entry.state == "absent":
            entry.path.unlink()
        elif entry.state == "directory":
            if found.state == "absent":
                entry.path.mkdir()
            entry.path.chmod(entry.mode)
        else:
            atomic_write(entry.path, entry.data or b"", mode=entry.mode)
    except OSError as exc:
        raise TrundleError(f"Failed to change {entry.path}: {exc.strerror or exc}") from exc


def _put_back(path: Path, found: Found) -> None:
    try:
        if found.state == "file":
            atomic_write(path, found.data or b"", mode=found.mode)
        elif found.state == "directory":
            path.chmod(found.mode)
        elif path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
            if found.target is not None:
                path.symlink_to(found.target)
    except OSError as exc:
        raise TrundleError(f"Failed to put {path} back: {exc.strerror or exc}") from exc


def _test(run: Runner, command: list[str]) -> None:
    status, out, err = run(command)
    if status:
        said = (err.strip() or out.strip() or f"exit status {status}").splitlines()
        raise TrundleError(
            f"'{' '.join(command)}' refuses the new configuration, so the old one was put back: {' '.join(said)}",
            output=said,
        )


def as_diff(entry: Entry, found: Found) -> dict[str, Any]:
    """One entry of the list that Ansible shows for --diff; what is secret is only named."""
    if entry.secret:
        return {"prepared": f"{entry.path}: {_short(found)} -> {_wanted(entry)}, whose content is secret\n"}
    if entry.state == "file" and found.data != entry.data:
        return {
            "before_header": str(entry.path),
            "after_header": str(entry.path),
            "before": (found.data or b"").decode("utf-8", "replace"),
            "after": (entry.data or b"").decode("utf-8", "replace"),
        }
    return {"prepared": f"{entry.path}: {_short(found)} -> {_wanted(entry)}\n"}


def _short(found: Found) -> str:
    return f"{found.state} {found.mode:04o}" if found.state in ("file", "directory") else found.state


def _wanted(entry: Entry) -> str:
    return entry.state if entry.state == "absent" else f"{entry.state} {entry.mode:04o}"
