# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""file:///mnt/efs/static: a folder on a file system that build host and web servers share.

It keeps the rules of the other stores: a file is there whole or not at all, a create-only file is
created once, whoever else is writing, and a reader of the folder never sees a file that is not whole.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import stat
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_errors import file_cause, is_final_errno
from ansible_collections.trundle.django.plugins.module_utils.store_types import (
    FinalError,
    Headers,
    Listing,
    Location,
    ObjectChangedError,
    ObjectExistsError,
    Store,
    Stored,
    StoreOptions,
    Version,
)

# Files grow here, on the same file system, before they are renamed to where they belong.
PARTS = ".parts"
# What is older was left by a run that was killed: even a large file grows all the time.
STALE = 24 * 3600.0
# Others may remove an empty folder just when a file is to be put into it.
TRIES = 20


def open_file(location: Location, _options: StoreOptions) -> FileStore:
    return FileStore(location)


class FileStore(Store):
    keeps_headers = False

    def __init__(self, location: Location) -> None:
        super().__init__(location)
        self._root = Path("/", location.prefix)
        self._lock = threading.Lock()
        self._cleaned = False
        self._mode: int | None = None

    def check_access(self) -> None:
        with self._explained("write to", self._root):
            self._open_mode()
            if not os.access(
                self._root, os.R_OK | os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
            ):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def find(self, names: Collection[str], *, folder: str | None = None) -> Listing:
        folders: dict[str, set[str]] = {}
        for name in names:
            if _is_plain(name):
                parent, _slash, leaf = name.rpartition("/")
                folders.setdefault(parent, set()).add(leaf)
        found: dict[str, Stored] = {}
        with self._explained("list", self._root):
            self._folder_mode()
            for parent, leaves in folders.items():
                for leaf, entry in _files(self._root / parent):
                    if leaf in leaves and (stored := _stored(entry)):
                        found[f"{parent}/{leaf}" if parent else leaf] = stored
            if folder is not None:
                found.update(self._below(folder.rstrip("/")))
        return Listing(found, max(1, len(folders)))

    def iterate(self) -> Iterator[tuple[str, Stored]]:
        with self._explained("list", self._root):
            self._folder_mode()
            yield from self._below("")

    def get(self, name: str) -> bytes | None:
        path = self._path(name)
        with self._explained("read", path):
            self._folder_mode()
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def download(self, name: str, path: Path) -> None:
        with self._explained("read", self._path(name)):
            shutil.copyfile(self._path(name), path)

    def get_version(self, name: str) -> Version | None:
        path = self._path(name)
        with self._explained("read", path):
            self._folder_mode()
            try:
                with path.open("rb") as stream:
                    return _version(stream)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def replace(
        self,
        name: str,
        data: bytes,
        headers: Mapping[str, str],  # noqa: ARG002  # the web server gives them, by name
        *,
        e_tag: str,
    ) -> None:
        path = self._path(name)
        with self._explained("replace", path):
            self._folder_mode()
            try:
                stream = path.open("r+b")
            except FileNotFoundError:
                raise ObjectChangedError(f"Failed to replace {path}: it is gone.") from None
            with stream:
                # One after the other, on the file itself: whoever comes next finds that another file has its name.
                # On NFS the server keeps such locks, for all of its clients.
                fcntl.flock(stream, fcntl.LOCK_EX)
                with path.open("rb") as now:
                    same = os.path.samestat(os.fstat(now.fileno()), os.fstat(stream.fileno()))
                    if not same or _version(now).e_tag != e_tag:
                        raise ObjectChangedError(f"Failed to replace {path}: somebody else has written it.")
                self._put_part(data, path, create_only=False)

    def head(self, name: str) -> Headers | None:
        path = self._path(name)
        with self._explained("look at", path):
            self._folder_mode()
            try:
                size = path.lstat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Headers(size=size, content_type=None, cache_control=None, content_encoding=None)

    def put(
        self,
        name: str,
        data: bytes | Path,
        headers: Mapping[str, str],  # noqa: ARG002  # the web server gives them, by name
        *,
        create_only: bool = False,
    ) -> None:
        path = self._path(name)
        with self._explained("write", path):
            self._put_part(data, path, create_only=create_only)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._path(name)
            with self._explained("delete", path):
                self._folder_mode()
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()
                    self._remove_empty(path.parent)

    def _path(self, name: str) -> Path:
        if not _is_plain(name):
            raise TrundleError(f"The name {name!r} has an empty, '.' or '..' part: no file can have it.")
        return self._root / name

    def _folder_mode(self) -> int:
        """The mode of the store's folder, which has to be there: else its file system is not mounted."""
        if self._mode is None:
            try:
                found = self._root.stat()
            except (FileNotFoundError, NotADirectoryError):
                raise self._no_folder() from None
            if not stat.S_ISDIR(found.st_mode):
                raise self._no_folder()
            self._mode = stat.S_IMODE(found.st_mode)
        return self._mode

    def _no_folder(self) -> FinalError:
        return FinalError(
            f"There is no folder {self._root} on {socket.gethostname()}; mount the file system that it is on, or "
            "create the folder, with a mode and a group that let the web server read it."
        )

    def _open_mode(self) -> int:
        """The mode for new folders: that of the store's own, which must let others in than its owner."""
        mode = self._folder_mode()
        if not mode & 0o055:
            raise FinalError(
                f"The folder {self._root} is closed to all but its owner (mode {mode:04o}), so that a web server could "
                "not read what is put there; give it mode 0755, or 2750 and the group of the web server."
            )
        return mode

    def _put_part(self, data: bytes | Path, path: Path, *, create_only: bool) -> None:
        part = self._write_part(data)
        try:
            self._place(part, path, create_only=create_only)
        finally:
            part.unlink(missing_ok=True)

    def _write_part(self, data: bytes | Path) -> Path:
        """Write the bytes to a file of its own and wait until they are on the disk."""
        mode = self._open_mode()
        folder = self._root / PARTS
        self._make_folder(folder)
        part = folder / f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with part.open("xb") as stream:
                if isinstance(data, bytes):
                    stream.write(data)
                else:
                    with data.open("rb") as source:
                        shutil.copyfileobj(source, stream, 1024 * 1024)
                stream.flush()
                # Neither the umask of this process nor that of the source decides who can read it.
                os.fchmod(stream.fileno(), mode & 0o666 | 0o600)
                os.fsync(stream.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        self._remove_stale(part)
        return part

    def _place(self, part: Path, path: Path, *, create_only: bool) -> None:
        """Give the part its name, in one step, and wait until that is on the disk."""
        for attempt in range(1, TRIES + 1):
            try:
                self._make_folder(path.parent)
                if create_only:
                    _link(part, path)
                else:
                    part.replace(path)
                break
            except FileNotFoundError:
                if attempt == TRIES:
                    raise
        # Others may have deleted the file by now, and then its folder.
        with suppress(FileNotFoundError):
            _sync_folder(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder of the store and those above it, with the mode of the store's own."""
        if folder == self._root:
            self._mode = None
            self._folder_mode()
            return
        try:
            folder.mkdir()
        except FileExistsError:
            return
        except FileNotFoundError:
            self._make_folder(folder.parent)
            with suppress(FileExistsError):
                folder.mkdir()
        folder.chmod(self._folder_mode())
        _sync_folder(folder.parent)

    def _remove_stale(self, fresh: Path) -> None:
        """Remove, once in a run, the parts of runs that were killed; the file server's clock tells their age."""
        with self._lock:
            if self._cleaned:
                return
            self._cleaned = True
        now = fresh.stat().st_mtime
        for _name, entry in _files(fresh.parent):
            with suppress(FileNotFoundError):
                if now - entry.stat(follow_symlinks=False).st_mtime > STALE:
                    Path(entry.path).unlink()

    def _remove_empty(self, folder: Path) -> None:
        """Remove the folders that a deletion has emptied."""
        with suppress(OSError):
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent

    def _below(self, folder: str) -> Iterator[tuple[str, Stored]]:
        with suppress(FileNotFoundError):
            for entry in sorted(os.scandir(self._root / folder), key=lambda entry: entry.name):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if name == PARTS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._below(name)
                elif stored := _stored(entry):
                    yield name, stored

    @contextmanager
    def _explained(self, verb: str, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            kind = FinalError if is_final_errno(exc) else TrundleError
            raise kind(f"Failed to {verb} {path}: {file_cause(exc)}.") from None


def _version(stream: BinaryIO) -> Version:
    """Every write gives the name to another file, at another time."""
    data, found = stream.read(), os.fstat(stream.fileno())
    e_tag = f"{found.st_ino}-{found.st_mtime_ns}-{hashlib.sha256(data).hexdigest()}"
    return Version(data, e_tag, datetime.fromtimestamp(found.st_mtime, timezone.utc))


def _is_plain(name: str) -> bool:
    return not any(part in ("", ".", "..") or "\0" in part for part in name.split("/"))


def _files(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name, entry


def _stored(entry: os.DirEntry[str]) -> Stored | None:
    """A file of a listing; links, and what vanishes meanwhile, are none."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Stored(found.st_size, None, datetime.fromtimestamp(found.st_mtime, timezone.utc))


def _link(part: Path, path: Path) -> None:
    """Create the file unless it is there: a hard link is the one way that NFS, too, does in one step (open(2))."""
    try:
        os.link(part, path, follow_symlinks=False)
    except FileExistsError:
        # The answer may have been lost on the way and the request repeated: then the link is our own.
        if part.stat().st_nlink == 1:
            raise ObjectExistsError(f"Failed to write {path}: it exists already.") from None
    except OSError as exc:
        if exc.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise FinalError(
                f"Failed to write {path}: its file system has no hard links, without which two builders at once could "
                "overwrite each other's release; use one that has, such as NFS, EFS, ext4 or xfs."
            ) from None
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        # Some network file systems do not know it for folders; they are done when the server has answered.
        if exc.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
