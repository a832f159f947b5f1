# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A commit of what an archive or a folder holds, so that a build has one kind of source.

The commit depends on the content alone: the same files are the same revision, wherever and whenever they are
imported.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.archive import unpack
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

BRANCH = "imported"

_AUTHOR = "trundle <trundle@localhost> 946684800 +0000"
_COMMIT = "tree {tree}\nauthor " + _AUTHOR + "\ncommitter " + _AUTHOR + "\n\nImported\n"
# Bytes stay as they are, whatever the files' own .gitattributes ask for.
_ATTRIBUTES = "* -text -eol -filter -ident -working-tree-encoding\n"


def import_source(src: Path, repository: Path, *, project_path: str = "") -> str:
    """Commit an archive, or a folder without what its .gitignore names; returns the revision."""
    if src.is_dir():
        return _commit(src, repository, ignored=False)
    if not src.exists():
        raise TrundleError(f"There is no {src} on this host: name the archive or the folder that holds the site.")
    with tempfile.TemporaryDirectory(prefix="trundle-source-") as name:
        unpack(src, Path(name))
        return _commit(top_of(Path(name), project_path), repository, ignored=True)


def top_of(folder: Path, project_path: str) -> Path:
    """The one folder that many archives hold, unless manage.py is where it has to be without it."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir() and not (folder / project_path / "manage.py").exists():
        return inside[0]
    return folder


def revision_of(repository: Path) -> str | None:
    """The last one that was imported."""
    if not repository.is_dir():
        return None
    try:
        return _git(repository, {}, "rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}")
    except TrundleError:
        return None


def _commit(folder: Path, repository: Path, *, ignored: bool) -> str:
    repository.mkdir(parents=True, exist_ok=True)
    _git(repository, {}, "init", "--quiet", "--bare", ".")
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "attributes").write_text(_ATTRIBUTES, encoding="utf-8")
    text = _COMMIT.format(tree=_tree_of(folder, repository, ignored=ignored))
    revision = _git(repository, {}, "hash-object", "-t", "commit", "-w", "--stdin", given=text)
    _git(repository, {}, "update-ref", f"refs/heads/{BRANCH}", revision)
    return revision


def _tree_of(folder: Path, repository: Path, *, ignored: bool) -> str:
    """The files of a folder. Of a repository in it git would note the commit alone, so each is added by itself."""
    with tempfile.TemporaryDirectory(prefix="trundle-index-") as name:
        where = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": f"{name}/index"}
        nested = [path for path in _nested(folder) if ignored or not _is_ignored(path, repository, where)]
        left_out = [f":(exclude,literal){path}" for path in nested]
        force = ["--force"] if ignored else []
        _git(repository, where, "-c", "core.fileMode=true", "add", "--all", *force, "--", ".", *left_out)
        for path in nested:
            tree = _tree_of(folder / path, repository, ignored=ignored)
            _git(repository, where, "read-tree", f"--prefix={path}/", tree)
        return _git(repository, where, "write-tree")


def _nested(folder: Path) -> list[str]:
    """The repositories in a folder, submodules too, but not those that are in one of them."""
    found = []
    for parent, folders, names in os.walk(folder):
        if Path(parent) != folder and ".git" in (*folders, *names):
            found.append(str(Path(parent).relative_to(folder)))
            folders.clear()
        folders[:] = sorted(name for name in folders if name != ".git")
    return found


def _is_ignored(path: str, repository: Path, where: Mapping[str, str]) -> bool:
    # It names the path where it is ignored, and ends with 1 where it is not.
    return bool(_git(repository, where, "check-ignore", "--", path, expected=(0, 1)))


def _git(
    repository: Path, more: Mapping[str, str], *arguments: str, given: str = "", expected: Collection[int] = (0,)
) -> str:
    # Neither another repository, as a hook that runs us would name it, nor settings of the user have a say.
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env.update({"GIT_DIR": str(repository), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **more})
    try:
        # run_command is a method of the module, which is not known here.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            ["git", *arguments],
            cwd=more.get("GIT_WORK_TREE", repository),
            env=env,
            input=given.encode(),
            capture_output=True,
            check=False,
        )
    except OSError as exc:
        raise TrundleError(f"Failed to run git: {exc.strerror or exc}. Install git on the build host.") from exc
    if done.returncode not in expected:
        cause = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise TrundleError(f"Failed to import the source: 'git {arguments[0]}' says: {cause}")
    return done.stdout.decode(errors="replace").strip()
