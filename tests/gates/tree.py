# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the checkout to build/collections/ansible_collections/trundle/django.

The checkout may have any folder name; ansible-test and ansible-galaxy want this one. The copy holds what git tracks or
would track, so that caches and builds never reach a test or the tarball.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from base import BUILD, COLLECTIONS, ROOT, TREE, locked

# ansible-test passes no variable of the environment on to Ansible: what it is to know are files of the copy.
SETTINGS = "tests/integration/integration.cfg"
VARIABLES = "tests/integration/integration_config.yml"
INVENTORY = "tests/integration/inventory"
# Written into the copy by what runs there, perhaps while the copy is brought up to date.
KEPT = ("tests/output/", ".git/", ".ansible/", ".mypy_cache/", ".ruff_cache/", SETTINGS, VARIABLES, INVENTORY)


def make() -> Path:
    """Bring the copy up to date and return it."""
    return _locked(TREE)


def own(name: str) -> Path:
    """Bring a copy below build/<name> up to date and return it: for what would trip over files that come and go."""
    return _locked(BUILD / name / TREE.relative_to(COLLECTIONS))


def _locked(target: Path) -> Path:
    with locked("tree"):
        return _make(target)


def _make(target: Path) -> Path:
    target.mkdir(parents=True, exist_ok=True)
    wanted = _files()
    for name in wanted:
        _copy(ROOT / name, target / name)
    _remove_others(target, set(wanted))
    # A repository of its own: with it the tools list the files of the copy, not those of the checkout around it.
    if not (target / ".git").is_dir():
        subprocess.run(["git", "init", "--quiet", target], check=True)
    return target


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        names = sorted({os.fsdecode(name) for name in listed.stdout.split(b"\0") if name})
        return [name for name in names if os.path.lexists(ROOT / name)]
    # Not a git checkout (an unpacked archive): everything but what the runs themselves make.
    return sorted(
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*")
        if (path.is_symlink() or path.is_file()) and BUILD not in path.parents and "__pycache__" not in path.parts
    )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        if not target.is_symlink() or target.readlink() != source.readlink():
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
        return
    new = source.stat()
    if target.is_file() and not target.is_symlink():
        old = target.stat()
        if (old.st_size, old.st_mtime_ns, old.st_mode) == (new.st_size, new.st_mtime_ns, new.st_mode):
            return
    target.unlink(missing_ok=True)
    shutil.copy2(source, target)


def _remove_others(target: Path, wanted: set[str]) -> None:
    for folder, folders, files in os.walk(target, topdown=False):
        for name in (*files, *folders):
            path = Path(folder, name)
            relative = path.relative_to(target).as_posix()
            if f"{relative}/".startswith(KEPT) or relative in wanted:
                continue
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()


def link() -> Path:
    """A folder to import the checkout itself from, under any name: for pytest, where tracebacks name the real files."""
    folder = BUILD / "import"
    target = folder / "ansible_collections" / "trundle" / "django"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink() or target.resolve() != ROOT:
        target.unlink(missing_ok=True)
        target.symlink_to(ROOT)
    return folder
