# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits one file of a git repository alone, whatever else in it is dirty or staged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, read_bytes


def commit_file(repository: Path, name: str, data: bytes, message: str, *, dry_run: bool = False) -> str | None:
    """Write the file and commit it; returns the new commit, or None when the last one has it so.

    A dry run returns an empty text where it would commit.
    """
    top = Path(_git(repository, "rev-parse", "--show-toplevel"))
    path = (repository / name).resolve()
    if not path.is_relative_to(top.resolve()) or ".git" in path.relative_to(top.resolve()).parts:
        raise TrundleError(f"{path} is not in the work tree of the git repository {top}.")
    if _committed(top, path) == data and read_bytes(path) == data:
        return None
    if dry_run:
        return ""
    if _committed(top, path) == data:
        atomic_write(path, data)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, data)
    # The path may be ignored, and is new to git at first; a commit of paths leaves what else is staged as it is.
    _git(top, "add", "--force", "--", str(path))
    _git(top, "commit", "--quiet", "--only", "-m", message, "--", str(path))
    return _git(top, "rev-parse", "HEAD")


def _committed(top: Path, path: Path) -> bytes | None:
    """The file's content in the last commit; None where it is not in it."""
    name = path.relative_to(top.resolve()).as_posix()
    done = _run(top, "cat-file", "blob", f"HEAD:{name}")
    return done.stdout if done.returncode == 0 else None


def _git(folder: Path, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode:
        cause = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise TrundleError(f"Failed to run 'git {arguments[0]}' in {folder}: {cause}")
    return done.stdout.decode(errors="replace").strip()


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    # Variables of a git hook that runs us name another repository or index.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "AUTHOR" in name}
    env.update({name: value for name, value in os.environ.items() if name.startswith(("GIT_COMMITTER", "GIT_CONFIG"))})
    try:
        # run_command is a method of the module, which is not known here.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            ["git", "-C", str(folder), *arguments], env=env, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as exc:
        raise TrundleError(f"Failed to start git: {exc.strerror}") from exc
