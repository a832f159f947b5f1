# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of real static files: the static folders of pinned Django packages and the contents of pinned npm packages.

Real packages refer to files that they do not ship, and Django's collectstatic stops at the first of these. So that
every program can work on the same tree, the files that are missing are added, empty; what cannot be mended so (a
reference that leads out of the tree, a file that is not UTF-8) is left out. patches.json says which.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

HERE = Path(__file__).resolve().parent
SIZES = {"3k": (), "20k": ("npm-20k",), "60k": ("npm-20k", "npm-60k")}
# Folders of packages that no site collects.
NOT_SITES = {"test", "tests", "test_utils", "project_template", "node_modules"}
ROUNDS = 12
PATCHES = HERE / "patches.json"

# (prefix below the static root or "", folder), as in STATICFILES_DIRS.
Source = tuple[str, Path]
# What a try to collect says: missing references {file, reference}, and files that cannot be processed.
Try = Callable[[Sequence[Source]], tuple[list[dict[str, Any]], list[str]]]


def install(python: Path, where: Path, size: str = "3k") -> dict[str, Path]:
    """Install the packages once; returns the folder of each list. The Python needs pip."""
    folders = {"packages": _install_once(where, "packages", lambda folder: _pip(python, folder))}
    for name in SIZES[size]:
        folders[name] = _install_once(where, name, partial(_npm, name=name))
    return folders


def make(folders: dict[str, Path], where: Path, *, patched: bool = True) -> list[Source]:
    """Copy the static files out of the installed packages, mend them, and return the parts of the tree."""
    if not where.is_dir():
        where.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="tree.", dir=where.parent))
        for name, folder in folders.items():
            _copy(name, folder, unfinished / name)
        if patched:
            _apply(json.loads(PATCHES.read_text(encoding="utf-8")), parts(unfinished))
        unfinished.rename(where)
    return parts(where)


def parts(where: Path) -> list[Source]:
    """The parts of a tree, in the order in which they are collected."""
    found: list[Source] = [("", path) for path in sorted((where / "packages").iterdir())]
    for name in SIZES["60k"]:
        if (where / name).is_dir():
            found += [(f"npm/{path.name}", path) for path in sorted((where / name).iterdir())]
    return found


def files(sources: Iterable[Source]) -> dict[str, Path]:
    """Static name -> file; the first part that has a name wins."""
    found: dict[str, Path] = {}
    for prefix, folder in sources:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                found.setdefault(posixpath.join(prefix, path.relative_to(folder).as_posix()), path)
    return found


def mend(sources: Sequence[Source], attempt: Try) -> dict[str, list[list[str]]]:
    """Add what is missing and leave out what cannot be mended, until a try finds nothing more."""
    done: dict[str, list[list[str]]] = {"added": [], "left_out": []}
    for _round in range(ROUNDS):
        missing, broken = attempt(sources)
        if not missing and not broken:
            return done
        known = set(files(sources))
        targets = {(item["file"], _target(item["file"], item["reference"], known)) for item in missing}
        out = {file for file, target in targets if target is None} | (set(broken) & known)
        step = {
            "added": sorted([file, target] for file, target in targets if target is not None and file not in out),
            "left_out": sorted([file] for file in out),
        }
        _apply(step, sources)
        done = {name: done[name] + step[name] for name in done}
    raise SystemExit(f"The tree could not be mended in {ROUNDS} rounds.")


def _apply(patches: dict[str, list[list[str]]], sources: Sequence[Source]) -> None:
    """Patches of parts that this tree does not have are passed over."""
    for name, target in patches["added"]:
        _add(sources, name, target)
    for (name,) in patches["left_out"]:
        for prefix, folder in _owners(sources, name):
            _inside(prefix, folder, name).unlink()


def _target(name: str, reference: str, known: set[str]) -> str | None:
    """The static name that a reference means, or None where no file can be put there."""
    path = unquote(urlsplit(urldefrag(reference).url).path)
    path = path[len("/static/") :] if path.startswith("/static/") else posixpath.join(posixpath.dirname(name), path)
    target = posixpath.normpath(path)
    clash = target in known or any(other.startswith(target + "/") for other in known)
    parents = (target.rsplit("/", count)[0] for count in range(1, target.count("/") + 1))
    if path.endswith("/") or target.startswith((".", "/")) or clash or any(parent in known for parent in parents):
        return None
    return None if "/." in target or target.endswith("~") else target


def _add(sources: Sequence[Source], name: str, target: str) -> None:
    """Put an empty file into the part that the referring file belongs to."""
    for prefix, folder in _owners(sources, name):
        if prefix and not target.startswith(prefix + "/"):
            continue
        path = _inside(prefix, folder, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return


def _owners(sources: Sequence[Source], name: str) -> list[Source]:
    named = [(prefix, folder) for prefix, folder in sources if not prefix or name.startswith(prefix + "/")]
    return [(prefix, folder) for prefix, folder in named if _inside(prefix, folder, name).is_file()]


def _inside(prefix: str, folder: Path, name: str) -> Path:
    return folder / (name[len(prefix) + 1 :] if prefix else name)


def _copy(kind: str, installed: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name, folder in _static_folders(installed) if kind == "packages" else _npm_folders(kind, installed):
        shutil.copytree(folder, target / name, ignore=shutil.ignore_patterns("node_modules"), symlinks=False)


def _static_folders(installed: Path) -> Iterable[tuple[str, Path]]:
    for path in sorted(installed.rglob("static")):
        above = path.relative_to(installed).parts[:-1]
        inner = "static" in above or any("dist-info" in part or part in NOT_SITES for part in above)
        if path.is_dir() and above and not inner:
            yield ".".join(above), path


def _npm_folders(kind: str, installed: Path) -> Iterable[tuple[str, Path]]:
    for pin in pins(HERE / f"{kind}.txt"):
        name = pin.rpartition("@")[0]
        yield name.lstrip("@").replace("/", "-"), installed / "node_modules" / name


def pins(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _install_once(where: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder named after what is in it, which appears when it is complete."""
    digest = hashlib.sha256((HERE / f"{name}.txt").read_bytes()).hexdigest()[:8]
    folder = where / f"{name}-{digest}"
    if not folder.is_dir():
        where.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=where))
        fill(unfinished)
        unfinished.rename(folder)
    return folder


def _pip(python: Path, folder: Path) -> None:
    options = ["-qq", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    target = ["--no-compile", "--target", str(folder / "lib")]
    command = [str(python), "-m", "pip", "install", *options, *target, "-r", str(HERE / "packages.txt")]
    subprocess.run(command, check=True)
    for path in (folder / "lib").iterdir():
        path.rename(folder / path.name)
    (folder / "lib").rmdir()


def _npm(folder: Path, name: str) -> None:
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--no-package-lock"]
    packages = pins(HERE / f"{name}.txt")
    env = {**os.environ, "npm_config_update_notifier": "false"}
    subprocess.run(["npm", "install", "--loglevel=error", *options, *packages], cwd=folder, env=env, check=True)
