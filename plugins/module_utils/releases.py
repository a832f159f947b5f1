# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release folders on a host: <root>/releases/<id>, <root>/current and <root>/state.json.

A folder's release.json is written last, so a folder without one is not whole. Folders are renamed
into place and out of it: none of them is ever half there under a release's name. Names that begin
with a dot are ours, since no release id does.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils import manifest, record, virtualenv
from ansible_collections.trundle.django.plugins.module_utils.archive import unpack
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import (
    atomic_link,
    fsync_dir,
    group_id,
    read_bytes,
    user_id,
)

_STAGING = ".staging-"
_REMOVED = ".removed-"


class Tree:
    """The folders of one app below its root."""

    def __init__(self, root: str) -> None:
        if not Path(root).is_absolute():
            raise TrundleError(f"The root {root!r} is not an absolute path.")
        self.root = Path(root).resolve()
        self.releases = self.root / "releases"
        self.state_path = self.root / "state.json"
        self.current = self.root / "current"

    def folder(self, release: str) -> Path:
        return self.releases / record.check_release_id(release)

    def create(self) -> None:
        try:
            self.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as exc:
            raise TrundleError(f"Failed to create {self.releases}: {exc.strerror}") from exc

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One writer at a time; the kernel lets go of the lock when its holder dies."""
        if not self.root.is_dir():
            # Nothing to guard: a check run on a new host, or a removal that finds nothing.
            yield
            return
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def found(self) -> dict[str, bool]:
        """Release -> whether its folder is whole."""
        return {
            folder.name: (folder / record.RECORD_NAME).is_file()
            for folder in self._folders()
            if record.RELEASE_ID.fullmatch(folder.name)
        }

    def whole(self) -> set[str]:
        return {release for release, complete in self.found().items() if complete}

    def check_whole(self, release: str) -> None:
        """Raise unless the folder holds a record and a manifest that belong to this release."""
        folder = self.folder(release)
        if not folder.is_dir():
            raise TrundleError(f"Release '{release}' is not on this host: there is no {folder}.")
        data = read_bytes(folder / record.RECORD_NAME)
        if data is None:
            raise TrundleError(f"Release '{release}' is not complete: {folder} has no {record.RECORD_NAME}.")
        found = record.parse(data)
        if found.release != release:
            raise TrundleError(f"The folder {folder} holds the record of another release, '{found.release}'.")
        names = read_bytes(folder / record.MANIFEST_NAME)
        if names is None:
            raise TrundleError(f"Release '{release}' is not complete: {folder} has no {record.MANIFEST_NAME}.")
        record.check_manifest(found, names)
        manifest.parse(names)

    def stage(self, release: str, src: Path | None, *, owner: str | None, group: str | None) -> None:
        """Unpack the archive beside the release's folder and rename it into place."""
        folder, staging = self.folder(release), self.releases / (_STAGING + release)
        self._delete(staging)
        umask = os.umask(0o022)
        try:
            staging.mkdir(0o755)
            if src is not None:
                # The record marks a folder as whole: one that came with the code would lie.
                unpack(src, staging, leave_out=(record.RECORD_NAME,))
            chown_tree(staging, owner=owner, group=group)
            self.remove(release)
            staging.rename(folder)
            fsync_dir(self.releases)
        except OSError as exc:
            raise TrundleError(f"Failed to stage release '{release}': {exc}") from exc
        finally:
            os.umask(umask)
            self._delete(staging)

    def remove(self, release: str) -> None:
        """Take the folder's name away first: a removal that is cut off leaves no half release."""
        folder, removed = self.folder(release), self.releases / (_REMOVED + release)
        self._delete(removed)
        if folder.is_dir():
            folder.rename(removed)
            self._delete(removed)

    def leftovers(self) -> list[Path]:
        """What a run that was cut off left behind, and virtual environments that no release leads to."""
        folders = [path for path in _listed(self.releases) if _is_left(path)]
        needed = {(folder / virtualenv.LINK).resolve() for folder in self._folders()}
        environments = self.root / virtualenv.FOLDER
        return folders + [path for path in _listed(environments) if path not in needed]

    def remove_leftovers(self) -> None:
        for folder in self.leftovers():
            self._delete(folder)

    def linked(self) -> str | None:
        """The release that the link `current` names, whether or not it is there."""
        try:
            target = self.root / self.current.readlink()
        except OSError:
            return None
        return target.name if target.parent.resolve() == self.releases else None

    def link(self, release: str) -> None:
        atomic_link(f"releases/{release}", self.current)

    def unlink(self) -> None:
        """Where nothing is active the link names nothing."""
        self.current.unlink()

    def running(self, proc: Path = Path("/proc")) -> set[str]:
        """Releases that a process runs from: its folder, its program or a word of its command line."""
        prefix = f"{self.releases}/"
        return {
            path[len(prefix) :].split("/")[0]
            for process in proc.iterdir()
            if process.name.isdigit()
            for path in _paths_of(process)
            if path.startswith(prefix)
        }

    def _folders(self) -> list[Path]:
        return [path for path in _listed(self.releases) if path.is_dir()]

    @staticmethod
    def _delete(folder: Path) -> None:
        try:
            if folder.is_file():
                folder.unlink()
            else:
                shutil.rmtree(folder)
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise TrundleError(f"Failed to remove {folder}: {exc}") from exc


def _is_left(path: Path) -> bool:
    """A folder on its way in or out."""
    return path.name.startswith((_STAGING, _REMOVED))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def chown_tree(folder: Path, *, owner: str | None, group: str | None) -> None:
    """Only root may give files away; others own what they unpack."""
    uid, gid = user_id(owner), group_id(group)
    if (uid, gid) == (-1, -1) or os.geteuid() != 0:
        return
    os.chown(folder, uid, gid)
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            os.chown(Path(parent, name), uid, gid, follow_symlinks=False)


def _paths_of(process: Path) -> Iterator[str]:
    """A process that ends meanwhile, or that is not ours to look at, has no paths."""
    for name in ("cwd", "exe"):
        with suppress(OSError):
            yield str((process / name).readlink())
    with suppress(OSError):
        # A virtualenv's python is a link, so `exe` names the system's; the command line names ours.
        yield from os.fsdecode((process / "cmdline").read_bytes()).split("\0")
