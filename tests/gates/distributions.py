# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The companion as a package index would have it: built, checked, and used where nothing else of ours is."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import venvs
from base import BUILD, ROOT, Command, Result, check, environment

SOURCE = ROOT / "companion" / "src"
# Run in an empty folder, so that it is the wheel that is imported.
USE = """
from importlib.metadata import version
import django
from django.conf import settings
STATIC = "trundle.storage.ReleaseStaticFilesStorage"
settings.configure(
    INSTALLED_APPS=["django.contrib.staticfiles", "trundle"],
    ROOT_URLCONF="trundle.health.urls",
    STATIC_URL="/static/",
    STORAGES={"staticfiles": {"BACKEND": STATIC, "OPTIONS": {"preload": True}}},
)
django.setup()
import trundle
from django.core.management import call_command
from django.test import Client
from django.templatetags.static import static
assert "site-packages" in trundle.__file__, trundle.__file__
assert version("django-trundle") == trundle.__version__, "two versions"
call_command("check", fail_level="WARNING")
assert static("css/app.css") == "/static/css/app.css"
answer = Client(SERVER_NAME="localhost").get("/ready/")
assert answer.status_code == 200, answer.content
"""


def companion() -> list[Result]:
    """Build the sdist and from it the wheel, check both, install the wheel with Django alone and use it."""
    venv = venvs.packaging()
    out = BUILD / "companion-dist"
    shutil.rmtree(out, ignore_errors=True)
    python = venv / "bin" / "python"
    # The build's own requirements are in the venv, pinned.
    build: Command = [python, "-m", "build", "--no-isolation", "--outdir", out, ROOT / "companion"]
    built = check(build, log="companion-build", env=environment(venv))
    if built.failed:
        return [built]
    files = sorted(out.iterdir())
    twine = check([python, "-m", "twine", "check", "--strict", *files], log="companion-twine", env=environment(venv))
    wheel = next(path for path in files if path.suffix == ".whl")
    return [built, twine, contents(wheel, SOURCE), _used(wheel)]


def contents(wheel: Path, source: Path) -> Result:
    """The wheel has every file of the sources, py.typed among them, and nothing else beside its own metadata."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wrong = [f"missing: {name}" for name in sorted(wanted - packed)]
    wrong += [f"not for users: {name}" for name in sorted(packed - wanted)]
    if not any(name.endswith("/py.typed") for name in wanted):
        wrong.append("no py.typed")
    return Result("companion-contents", passed=int(not wrong), failed=int(bool(wrong)), note=", ".join(wrong))


def _used(wheel: Path) -> Result:
    path = BUILD / "venv-companion-wheel"
    python = venvs.only(path, wheel)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRUNDLE", "DJANGO"))}
    return check([python, "-W", "error", "-c", USE], log="companion-wheel", cwd=path, env=env)
