# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments of releases: one for all releases that pin the same requirements.

A shared one is <root>/virtualenvs/<key>, to which the release's .venv leads. The key is a digest of
the interpreter and of all that the requirements file says, so that a release whose requirements are
those of an earlier one has nothing to install. Where the file alone does not decide what is
installed (a version that is not pinned, a folder, an address), the release has one of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_link, atomic_write, read_bytes

FOLDER = "virtualenvs"
LINK = ".venv"
# Written last: an environment without it was cut off while it was made.
MARKER = "trundle.json"

_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*===?\s*[^\s;,*]+\s*(;.*|--hash.*)?")
_INCLUDE = re.compile(r"(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)")
_HASH = re.compile(r"\s--hash[=\s]")
_MISSING = """
import importlib.util, sys
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name) is None])
"""
_IDENTITY = "import platform, sys; print(sys.version, sys.base_prefix, platform.machine())"


@dataclass(frozen=True)
class Requirements:
    """digest: of all that is said; open: the first line that does not decide what is installed; hashed: any is."""

    digest: str
    open: str | None
    hashed: bool


@dataclass(frozen=True)
class Environment:
    """Where the environment of a release is; own: why it is not shared; hashed: whether hashes are to be checked."""

    path: Path
    key: str
    own: str | None
    hashed: bool


@dataclass(frozen=True)
class Installer:
    """uv: the program, where it is to install instead of pip; nice: how much either gives way."""

    python: str
    uv: str | None = None
    nice: int = 0

    @classmethod
    def choose(cls, kind: str, *, python: str, uv: str, nice: int) -> Installer:
        """As the options of a module say: kind is pip or uv, and uv a path or a name."""
        if not 0 <= nice <= 19:
            raise TrundleError(f"nice is {nice}: give a number from 0 to 19.")
        if kind == "pip":
            return cls(python=python, nice=nice)
        found = shutil.which(uv, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/bin")))
        if found is None:
            raise TrundleError(f"There is no program '{uv}' here: install uv, give its path, or let pip install.")
        return cls(python=python, uv=found, nice=nice)


@dataclass(frozen=True)
class Given:
    """What a release got: path of its environment, the one that it led to before, and what the environment lacks."""

    environment: Environment
    before: str
    changed: bool
    made: bool
    missing: list[str] | None


def read_requirements(path: Path) -> Requirements:
    """Read a requirements file, the files it includes and the packages it brings with it."""
    digest = hashlib.sha256()
    read: dict[Path, str] = {}
    found = _read(path, digest, read=read)
    return Requirements(digest.hexdigest(), found, any(_HASH.search(text) for text in read.values()))


def _read(path: Path, digest: hashlib._Hash, *, read: dict[Path, str]) -> str | None:
    data = read_bytes(path)
    if data is None:
        raise TrundleError(f"There is no requirements file {path}.")
    digest.update(b"\0" + data)
    first = None
    text = data.decode("utf-8", errors="replace").replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", raw).strip() for raw in text.splitlines()]
    read[path.resolve()] = "\n".join(lines)
    for line in lines:
        include = _INCLUDE.fullmatch(line)
        if include:
            inner = path.parent / include.group(1)
            said = _read(inner, digest, read=read) if inner.resolve() not in read else None
        elif not line or _PINNED.fullmatch(line) or re.match(r"--(?!editable)", line):
            said = None
        else:
            said = None if _bring(path.parent / line, digest) else line
        first = first or said
    return first


def _bring(path: Path, digest: hashlib._Hash) -> bool:
    """A package that lies beside the requirements: its content is part of what they say."""
    if not path.is_file():
        return False
    digest.update(b"\0" + path.read_bytes())
    return True


def find(root: Path, release: str, *, python: str, requirements: Path) -> Environment:
    return place(root, release, python=python, said=read_requirements(requirements))


def place(root: Path, release: str, *, python: str, said: Requirements) -> Environment:
    """Where the environment is, or will be; the requirements may have been read on another host."""
    identity = _run([python, "-c", _IDENTITY], f"Failed to ask {python} for its version")
    key = hashlib.sha256(f"{identity}\0{said.digest}".encode()).hexdigest()[:20]
    if said.open is not None:
        own = f"'{said.open}' names no fixed version"
        return Environment(root / "releases" / release / LINK, key, own, said.hashed)
    return Environment(root / FOLDER / key, key, None, said.hashed)


def is_ready(environment: Environment) -> bool:
    data = read_bytes(environment.path / MARKER)
    return data is not None and bool(json.loads(data).get("key") == environment.key)


def is_linked(environment: Environment, folder: Path) -> bool:
    if environment.own:
        return not (folder / LINK).is_symlink()
    try:
        return (folder / LINK).readlink() == _target(environment)
    except OSError:
        return False


def link(environment: Environment, folder: Path) -> None:
    """Before it is made, so that retirement sees that it is needed."""
    path = folder / LINK
    if environment.own:
        if path.is_symlink():
            path.unlink()
        return
    environment.path.parent.mkdir(mode=0o755, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    atomic_link(str(_target(environment)), path)


def _target(environment: Environment) -> Path:
    return Path("..", "..", FOLDER, environment.path.name)


def missing(environment: Environment, packages: Sequence[str]) -> list[str]:
    """Those of the packages that cannot be imported in the environment."""
    if not packages:
        return []
    # From a folder that holds no package of its own.
    arguments = [str(environment.path / "bin" / "python"), "-c", _MISSING, *packages]
    return _run(arguments, f"Failed to look into {environment.path}", folder=Path("/")).split()


def give(
    root: Path,
    release: str,
    *,
    requirements: Path,
    installer: Installer,
    look_for: Sequence[str] = (),
    dry_run: bool = False,
) -> Given:
    """Lead the release to its environment, made where it is not there yet; missing is None where nobody can tell."""
    folder = root / "releases" / release
    environment = find(root, release, python=installer.python, requirements=requirements)
    before = str((folder / LINK).resolve()) if (folder / LINK).exists() else ""
    linked, ready = is_linked(environment, folder), is_ready(environment)
    if not dry_run and not linked:
        link(environment, folder)
    if not dry_run and not ready:
        make(environment, root, installer=installer, requirements=requirements)
    lacks = None if dry_run and not ready else missing(environment, look_for)
    return Given(environment, before, changed=not (linked and ready), made=not ready, missing=lacks)


def make(environment: Environment, root: Path, *, installer: Installer, requirements: Path) -> None:
    """Make the environment and install the requirements; what was cut off is made anew."""
    nicely = ["nice", "-n", str(installer.nice)]
    venv = [*nicely, installer.python, "-m", "venv", "--clear"]
    if installer.uv is None:
        _install_pip(root / ".pip", venv)
    path = str(environment.path)
    _run([*venv, "--without-pip", path], f"Failed to make the virtualenv {path}")
    words = _uv_words(installer.uv, path, root) if installer.uv else _pip_words(path, root)
    # pip looks for hashes as soon as one is there; uv does so for those alone that have one.
    words += ["--require-hashes"] if environment.hashed else []
    words += ["--requirement", str(requirements)]
    _run([*nicely, *words], f"Failed to install {requirements}", folder=requirements.parent)
    marker = {"key": environment.key, "requirements": str(requirements)}
    atomic_write(environment.path / MARKER, json.dumps(marker).encode("utf-8") + b"\n")


def _pip_words(path: str, root: Path) -> list[str]:
    pip = [str(root / ".pip" / "bin" / "pip"), f"--python={path}/bin/python", "--disable-pip-version-check"]
    return [*pip, "--no-input", f"--cache-dir={root}/.pip/cache", "install"]


def _uv_words(uv: str, path: str, root: Path) -> list[str]:
    """Compiled here, since the site may not write to its environment."""
    words = [uv, "pip", "install", "--no-progress", "--compile-bytecode", f"--python={path}/bin/python"]
    return [*words, f"--cache-dir={root}/.uv"]


def _install_pip(folder: Path, venv: Sequence[str]) -> None:
    """By its marker: what a full disk cut off has a program too, which does not run."""
    if (folder / MARKER).exists():
        return
    try:
        _run([*venv, str(folder)], "Failed to install pip beside the releases")
        atomic_write(folder / MARKER, b"{}\n")
    except TrundleError:
        # The release that runs may write to the same disk.
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _run(arguments: Sequence[str], failure: str, *, folder: Path | None = None) -> str:
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            arguments,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as exc:
        raise TrundleError(f"{failure}: {exc.strerror or exc}") from exc
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        # uv tells the cause in lines of its own.
        told = [line.strip() for line in said]
        errors = [line for line in told if line.lower().startswith(("error", "cause"))] or told[-1:]
        raise TrundleError(f"{failure}: {' '.join(errors) or f'exit status {done.returncode}'}", output=said[-40:])
    return done.stdout.strip()
