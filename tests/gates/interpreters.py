# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find Python interpreters by version: the distribution's own first, then by name on PATH, then with pyenv."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from base import GateError

# What ansible-core and obstore run on, the oldest first.
CONTROLLER_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
# The oldest Python of a managed host.
HOST_VERSION = "3.9"
# Distributions build theirs with optimizations, pyenv does not unless it is told to: that one takes 1.6 times as long.
DISTRIBUTION = Path("/usr/bin")


@cache
def find(version: str) -> Path | None:
    """Return the interpreter of that version (``3.13``) behind the first name for it which really starts, or None."""
    answers = (_ask(path) for path in _candidates(version))
    return next((Path(answer[1]) for answer in answers if answer[:1] == [version]), None)


def controllers() -> dict[str, Path]:
    """Every interpreter of this machine that can be a controller, the oldest version first."""
    found = ((version, find(version)) for version in CONTROLLER_VERSIONS)
    return {version: path for version, path in found if path}


def usual() -> str:
    """The version that most runs on: that of the distribution where it can be a controller, or else the newest."""
    own = [version for version, path in controllers().items() if path.parent == DISTRIBUTION]
    return own[-1] if own else newest()


def ends() -> list[str]:
    """The oldest and the newest version, one where they are the same."""
    found = list(controllers())
    return list(dict.fromkeys([*found[:1], *found[-1:]]))


def newest() -> str:
    found = controllers()
    if not found:
        wanted = ", ".join(CONTROLLER_VERSIONS)
        raise GateError(f"No Python for the controller was found on PATH or with pyenv: install one of {wanted}.")
    return list(found)[-1]


def _candidates(version: str) -> list[Path]:
    names = [f"python{version}", "python3"]
    paths = [DISTRIBUTION / names[0], *(Path(path) for path in map(shutil.which, names) if path)]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    if versions.is_dir():
        installed = [path for path in versions.iterdir() if re.fullmatch(rf"{re.escape(version)}\.\d+", path.name)]
        installed.sort(key=lambda path: int(path.name.rpartition(".")[2]), reverse=True)
        paths += [path / "bin" / f"python{version}" for path in installed]
    return paths


def _ask(path: Path) -> list[str]:
    """Version and real path, or nothing: a pyenv shim is on PATH for every version, and fails for those not chosen."""
    # Not a shim nor a venv, which may be another one tomorrow.
    code = "import os, sys; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys._base_executable))"
    try:
        answer = subprocess.run([path, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return []
    return answer.stdout.strip().split(" ", 1) if answer.returncode == 0 else []
