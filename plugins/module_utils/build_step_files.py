# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a build step: what its inputs are, what its outputs hold, and the outputs of earlier runs."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.collect_cache import file_digest
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# The folder of the states, below the one that the command runs in.
STATE_FOLDER = ".trundle"
# What belongs to no build's inputs unless a pattern names it.
PASSED_OVER = frozenset({".git", "node_modules", "__pycache__", STATE_FOLDER})
# An output's name while another one takes its place, and the one that waits to take it.
OLD, NEW = ".trundle-old", ".trundle-new"
# What a killed run left in the cache is not another run's work in progress after that time.
LEFTOVER_AGE = 86_400


def read_inputs(folder: Path, patterns: Sequence[str] | None, outputs: Sequence[str]) -> dict[str, str]:
    """Input -> digest of its content, by the path relative to the folder; without patterns all files of it."""
    made = [os.path.normpath(name) for name in outputs]
    if patterns is None:
        found = _digests(folder, (name for name in _walk(folder, "") if not _is_output(name, made)))
        if not found:
            raise TrundleError(f"There is no file in {folder} that could be an input of the build.")
        return found
    inputs: dict[str, str] = {}
    for pattern in patterns:
        matched = _digests(folder, (name for name in _matches(folder, pattern) if not _is_output(name, made)))
        if not matched:
            raise TrundleError(f"No file in {folder} matches '{pattern}' of the inputs.")
        inputs.update(matched)
    return dict(sorted(inputs.items()))


def _matches(folder: Path, pattern: str) -> Iterator[str]:
    if not glob.has_magic(pattern) and (folder / pattern).is_dir():
        yield from _walk(folder, os.path.normpath(pattern))
        return
    named = PASSED_OVER.difference(pattern.split("/"))
    # A Path's own glob knows no "..", which leads to a package beside this one.
    found = glob.iglob(pattern, root_dir=folder, recursive=True, include_hidden="**" in pattern)  # noqa: PTH207 (see above)
    for name in found:
        if not any(part in named or _is_temporary(part) for part in name.split("/")):
            yield os.path.normpath(name)


def _walk(folder: Path, below: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder / below):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and not _is_temporary(name))
        for name in sorted(names):
            if not _is_temporary(name):
                yield os.path.relpath(Path(parent, name), folder)


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith((OLD, NEW))


def _is_output(name: str, outputs: Sequence[str]) -> bool:
    return any(name == output or name.startswith(output + "/") for output in outputs)


def _digests(folder: Path, names: Iterator[str]) -> dict[str, str]:
    found = {}
    for name in names:
        path = folder / name
        try:
            mode = path.stat().st_mode
        except OSError:
            # A link that leads nowhere: where it leads is all that it says.
            if path.is_symlink():
                found[name] = f"link {path.readlink()}"
            continue
        if stat.S_ISREG(mode):
            found[name] = file_digest(str(path))
            if not found[name]:
                raise TrundleError(f"Failed to read the input {path}.")
    return found


def tree_digest(paths: Sequence[Path]) -> str | None:
    """One digest of all files, folders and links, their names and whether they are executable; None if one is missing.

    Modes beyond that are the umask's, and times are of no interest.
    """
    digest = hashlib.sha256()
    for number, path in enumerate(paths):
        if not os.path.lexists(path):
            return None
        for name, kind, content in _entries(path):
            digest.update(json.dumps([number, name, kind, content]).encode("ascii") + b"\n")
    return digest.hexdigest()


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    """(name, kind, content) of a path and of all below it, in an order that is always the same."""
    yield _entry(path, "")
    if path.is_symlink():
        return
    for parent, folders, names in os.walk(path):
        folders.sort()
        for name in sorted([*folders, *names]):
            full = Path(parent, name)
            yield _entry(full, os.path.relpath(full, path))


def _entry(path: Path, name: str) -> tuple[str, str, str]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return name, "link", str(path.readlink())
    if stat.S_ISDIR(mode):
        return name, "folder", ""
    return name, "program" if mode & stat.S_IXUSR else "file", file_digest(str(path))


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder. The copies get times of their own: collection trusts a time that it knows."""
    if source.is_symlink() or not source.is_dir():
        shutil.copy(source, target, follow_symlinks=False)
    else:
        shutil.copytree(source, target, symlinks=True, copy_function=shutil.copy)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def old(path: Path) -> Path:
    return path.with_name(f".{path.name}{OLD}")


def new(path: Path) -> Path:
    return path.with_name(f".{path.name}{NEW}")


def put_aside(path: Path) -> None:
    if os.path.lexists(path):
        path.rename(old(path))


def put_back(path: Path) -> None:
    """Undo what was not brought to its end; what a killed run has removed in part shows in its digest."""
    if os.path.lexists(new(path)):
        remove(new(path))
    if os.path.lexists(old(path)):
        remove(path)
        old(path).rename(path)


@dataclass(frozen=True)
class Entry:
    """Outputs of an earlier run: a folder with one file or folder for each, numbered."""

    path: Path
    digest: str


@dataclass(frozen=True)
class OutputCache:
    """Outputs by the key of the run that made them. An entry appears whole, and its name says what it holds."""

    folder: Path
    bound: int

    def find(self, key: str) -> Entry | None:
        found = sorted(self.folder.glob(f"{key}.*"))
        return Entry(found[0], found[0].name.split(".")[1]) if found else None

    def use(self, entry: Entry) -> None:
        """Note that it is of use: those that are not for the longest time are removed first."""
        with contextlib.suppress(OSError):
            os.utime(entry.path)

    def keep(self, key: str, digest: str, paths: Sequence[Path]) -> None:
        """Take in a copy of the outputs, unless they alone are too large; may raise OSError."""
        size = sum(_size(path) for path in paths)
        target = self.folder / f"{key}.{digest}.{size}"
        if size > self.bound or target.exists():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new.", dir=self.folder))
        try:
            for number, path in enumerate(paths):
                copy(path, temporary / str(number))
            for other in self.folder.glob(f"{key}.*"):
                self.drop(other)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self.prune()

    def drop(self, path: Path) -> None:
        """Remove an entry; its name goes first, so that half of one is never found."""
        gone = path.with_name(f".old.{os.getpid()}.{path.name}")
        with contextlib.suppress(OSError):
            path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def prune(self) -> None:
        entries, room = [], self.bound
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                used = path.stat().st_mtime
                if not path.name.startswith("."):
                    entries.append((used, path))
                elif used < time.time() - LEFTOVER_AGE:
                    shutil.rmtree(path, ignore_errors=True)
        for _used, path in sorted(entries, reverse=True):
            room -= int(path.name.rpartition(".")[2])
            if room < 0:
                self.drop(path)


def _size(path: Path) -> int:
    """Bytes, with some for each name."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size + 256
    inside = ((Path(parent), [*folders, *names]) for parent, folders, names in os.walk(path))
    return sum((parent / name).lstat().st_size + 256 for parent, names in inside for name in names)
