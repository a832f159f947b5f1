# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits one file of a git repository alone, whatever else in it is dirty or staged."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, read_bytes


@dataclass(frozen=True)
class Outcome:
    """changed: whether the file was written; commit: the new one, empty in a dry run, None where none is made."""

    changed: bool
    commit: str | None


def commit_file(repository: Path, name: str, data: bytes, message: str, *, dry_run: bool = False) -> Outcome:
    """Write the file and commit it, where the last commit does not have it so."""
    top = Path(_git(repository, "rev-parse", "--show-toplevel"))
    path = (repository / name).resolve()
    if not path.is_relative_to(top.resolve()) or ".git" in path.relative_to(top.resolve()).parts:
        raise TrundleError(f"{path} is not in the work tree of the git repository {top}.")
    committed = _is_committed(top, path, data)
    changed = read_bytes(path) != data
    if not committed:
        # Who commits has to be known before a file is written, or is told to be in a dry run.
        for identity in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            _git(top, "var", identity)
    if dry_run:
        return Outcome(changed or not committed, None if committed else "")
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    if committed:
        return Outcome(changed, None)
    # The path may be ignored, and is new to git at first; a commit of paths leaves what else is staged as it is.
    _git(top, "add", "--force", "--", str(path))
    _git(top, "commit", "--quiet", "--only", "-m", message, "--", str(path))
    return Outcome(True, _git(top, "rev-parse", "HEAD"))


def _is_committed(top: Path, path: Path, data: bytes) -> bool:
    """Whether the last commit has the file so, as git stores it: with the repository's filters and line ends."""
    name = path.relative_to(top.resolve()).as_posix()
    found = _run(top, "rev-parse", "--verify", "--quiet", f"HEAD:{name}")
    wanted = _run(top, "hash-object", f"--path={name}", "--stdin", given=data)
    return found.returncode == 0 and found.stdout == wanted.stdout


def _git(folder: Path, *arguments: str) -> str:
    done = _run(folder, *arguments)
    if done.returncode:
        cause = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise TrundleError(f"Failed to run 'git {arguments[0]}' in {folder}: {cause}")
    return done.stdout.decode(errors="replace").strip()


def _run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # Variables of a git hook that runs us name another repository or index.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or "AUTHOR" in name}
    env.update({name: value for name, value in os.environ.items() if name.startswith(("GIT_COMMITTER", "GIT_CONFIG"))})
    try:
        # run_command is a method of the module, which is not known here.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            ["git", "-C", str(folder), *arguments], env=env, capture_output=True, input=given, check=False
        )
    except OSError as exc:
        raise TrundleError(f"Failed to start git: {exc.strerror}") from exc
