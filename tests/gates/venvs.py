# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments under build/, made from the locked requirements and made anew when a lock changes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

import interpreters
import tree
from base import BUILD, ROOT, Command, GateError, environment, locked, say

REQUIREMENTS = ROOT / "requirements"


def usual() -> Path:
    """The venv that most runs in."""
    return controller(interpreters.usual())


def newest() -> Path:
    return controller(interpreters.newest())


@cache
def controller(version: str) -> Path:
    return _venv(version, REQUIREMENTS / "dev.txt")


@cache
def host() -> Path | None:
    """The venv for what managed hosts import, or None where the oldest Python is missing."""
    if interpreters.find(interpreters.HOST_VERSION) is None:
        return None
    return _venv(interpreters.HOST_VERSION, REQUIREMENTS / "hosts.txt")


@cache
def packaging() -> Path:
    """The venv that builds and checks the companion's distributions."""
    return _venv(interpreters.newest(), REQUIREMENTS / "package.txt", name="packaging")


def only(path: Path, *packages: str | Path) -> Path:
    """Make a venv of the newest Python anew, with these packages and what they need; return its Python."""
    with locked("venvs"):
        _fill(_bootstrap(), path, interpreters.controllers()[interpreters.newest()], packages)
    return path / "bin" / "python"


def setup() -> None:
    """Make every venv that a test run uses, and the stable names build/venv for the usual one and build/newest."""
    for version in interpreters.ends():
        controller(version)
    for name, path in (("venv", usual()), ("newest", newest())):
        link = BUILD / name
        if not link.is_symlink() or link.resolve() != path:
            link.unlink(missing_ok=True)
            link.symlink_to(path.name)
    host()
    tree.link()


def _venv(version: str, lock: Path, *, name: str | None = None) -> Path:
    with locked("venvs"):
        return _make(version, lock, BUILD / f"venv-{name or version}")


def _make(version: str, lock: Path, path: Path) -> Path:
    interpreter = interpreters.find(version)
    if interpreter is None:
        raise GateError(f"Python {version} was not found on PATH or with pyenv.")
    stamp = path / ".requirements"
    wanted = hashlib.sha256(lock.read_bytes() + str(interpreter).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return path
    say(f"Making {path.relative_to(ROOT)} from {lock.relative_to(ROOT)}")
    _fill(_bootstrap(), path, interpreter, ["-r", lock])
    stamp.write_text(wanted, encoding="utf-8")
    return path


def _fill(uv: Path, path: Path, interpreter: Path, packages: Command) -> None:
    shutil.rmtree(path, ignore_errors=True)
    _call([uv, "venv", "--quiet", "--no-project", "--python", interpreter, path])
    _call([uv, "pip", "install", "--quiet", "--python", path / "bin" / "python", *packages])


def bootstrap() -> Path:
    """The uv program."""
    with locked("venvs"):
        return _bootstrap()


@cache
def _bootstrap() -> Path:
    """Install uv from its pinned requirement with pip, into a venv of its own."""
    path = BUILD / "bootstrap"
    uv = path / "bin" / "uv"
    stamp = path / ".requirements"
    wanted = (REQUIREMENTS / "uv.txt").read_text(encoding="utf-8")
    if uv.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return uv
    shutil.rmtree(path, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    _call([interpreters.controllers()[interpreters.newest()], "-m", "venv", path])
    _call([path / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS / "uv.txt"])
    stamp.write_text(wanted, encoding="utf-8")
    return uv


def _call(command: Command) -> None:
    env = environment()
    # An environment that is switched on by the caller must not be the one that is filled.
    for name in ("VIRTUAL_ENV", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"):
        env.pop(name, None)
    status = subprocess.run([str(word) for word in command], env=env, cwd=ROOT, check=False).returncode
    if status:
        raise GateError(f"Failed to make a virtual environment: {' '.join(map(str, command))} ended with {status}.")
