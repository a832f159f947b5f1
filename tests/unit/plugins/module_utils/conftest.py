# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Django projects in real virtualenvs, and a real database, for the tests of what runs in a project's Python."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

BUILD = Path(__file__).parents[4] / "build"

if sys.version_info < (3, 11):
    # What runs on build hosts only; the parts of the collecting program, which is older, are tested all the same.
    collect_ignore_glob = [
        *("test_build_step*", "test_lock.py", "test_store*", "test_transfer.py", "test_verify.py", "test_collect.py"),
        *("test_collect_headers.py", "test_package.py", "test_repair.py", "test_served.py", "test_upload_plan.py"),
        *(
            "test_collect_bundles.py",
            "test_collect_headers.py",
            "test_collect_equality*",
            "test_collect_fast.py",
            "test_collect_killed.py",
        ),
        *("test_in_use.py", "test_retire*", "test_sweep.py", "test_unreferenced.py"),
        *("test_collect_pipeline.py", "test_collect_process.py", "test_collect_vite.py"),
    ]

# Django's series -> interpreters that run it, the one to prefer first. 4.2 is tried on the oldest
# Python that the collecting program supports.
DJANGOS = {"4.2": ("3.8", "3.11"), "5.2": ("3.11", "3.12"), "6.1": ("3.13", "3.12")}
PACKAGES = ("whitenoise[brotli]", "django-storages[s3]", "zstandard")

MANAGE_PY = """\
import os, sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "not a secret"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "root"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""

# Brings a real tree of more than a hundred files.
ADMIN = 'INSTALLED_APPS += [f"django.contrib.{app}" for app in "admin auth contenttypes messages sessions".split()]'


class Site:
    """A Django project in a folder."""

    admin = ADMIN

    def __init__(self, folder: Path, python: Path) -> None:
        self.folder = folder
        self.python = python
        self.write("manage.py", MANAGE_PY)
        self.write("site_settings.py", SETTINGS)
        (folder / "assets").mkdir()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def settings(self, *lines: str) -> None:
        """Add lines to the settings."""
        self.write("site_settings.py", SETTINGS + "\n".join(lines) + "\n")

    def storage(self, backend: str, *lines: str, **options: object) -> None:
        entry = {"BACKEND": backend, "OPTIONS": options}
        self.settings(f'STORAGES["staticfiles"] = {entry!r}', *lines)

    def assets(self, **files: str) -> None:
        """Write files below the assets folder; `css__app_css` is css/app.css."""
        for name, content in files.items():
            self.write("assets/" + name.replace("__", "/").replace("_", "."), content)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the project's manage.py."""
        return subprocess.run(
            [self.python, "manage.py", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )


@cache
def interpreter(versions: tuple[str, ...]) -> Path | None:
    """The first of these Pythons that starts: the distribution's, which is fast, by name on PATH, then pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        own, named = Path(f"/usr/bin/python{version}"), shutil.which(f"python{version}")
        known = ([own] if own.exists() else []) + ([Path(named)] if named else [])
        for candidate in [*known, *sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]:
            # A shim of pyenv is on PATH also for versions that are not chosen.
            if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
                return candidate
    return None


# Set where the same tests run on another Python too.
_again = "TRUNDLE_AGAIN" in os.environ
runs_once = pytest.mark.skipif(_again, reason="takes minutes, whatever Python this is: runs once")
# For what no controller runs, and takes long: other Pythons of controllers tell nothing more.
on_hosts = pytest.mark.skipif(
    _again and sys.version_info >= (3, 11), reason="runs once, and on the oldest Python of hosts"
)


@cache
def django_python(series: str, packages: tuple[str, ...] = PACKAGES, versions: tuple[str, ...] = ()) -> Path:
    """The interpreter of a virtualenv with this Django, made once and kept under build/."""
    versions = versions or DJANGOS[series]
    base = interpreter(versions)
    if base is None:
        pytest.skip(f"Django {series} needs one of Python {', '.join(versions)}: none was found")
    # A name of its own for every content, so that no run replaces what another one uses.
    wanted = hashlib.sha256(f"{base.name} {packages}".encode()).hexdigest()[:8]
    folder = BUILD / f"venv-collect-{series}-{wanted}"
    python, stamp = folder / "bin" / "python", folder / ".complete"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            uv, quietly = BUILD / "bootstrap" / "bin" / "uv", ("--quiet", "--python")
            subprocess.run([uv, "venv", "--seed", "--no-project", *quietly, base, folder], check=True)
            install = [uv, "pip", "install", "--compile-bytecode", *quietly, python]
            subprocess.run([*install, f"django=={series}.*", *packages], check=True)
            stamp.touch()
    return python


@pytest.fixture(scope="module")
def proxy(s3_state: dict[str, Any]) -> Iterator[Any]:
    """A proxy before the S3 server, which spoils requests on demand."""
    from ansible_collections.trundle.django.benchmarks.proxy import Proxy

    parts = urlsplit(s3_state["endpoint_url"])
    with Proxy((str(parts.hostname), int(parts.port or 80))) as running:
        yield running


@pytest.fixture(params=list(DJANGOS))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """A project for each series of Django."""
    return new_site(tmp_path, django_python(request.param))


@pytest.fixture
def newest_site(tmp_path: Path) -> Site:
    """A project for what does not differ between series of Django."""
    series = [name for name, versions in DJANGOS.items() if interpreter(versions)]
    return new_site(tmp_path, django_python(series[-1]))


def new_site(tmp_path: Path, python: Path) -> Site:
    folder = tmp_path / "project"
    folder.mkdir()
    return Site(folder, python)


@pytest.fixture(scope="session", autouse=True)
def forks_end() -> Iterator[None]:
    """The servers that forks.py has started, if a test has imported it, end with the session."""
    yield
    forks = sys.modules.get("ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks")
    if forks is not None:
        forks.close()


@pytest.fixture(scope="session")
def linter() -> Path:
    """The folder that the linter of migrations is kept in, filled once and kept under build/."""
    from ansible_collections.trundle.django.plugins.module_utils.migrate_linter import install_linter

    folder = BUILD / "linter"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "linter.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_linter(sys.executable, folder)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_alone() -> Iterator[Any]:
    """One that a test can stop."""
    with postgres_server() as server:
        yield server


@contextmanager
def postgres_server() -> Iterator[Any]:
    from ansible_collections.trundle.django.tests.unit.plugins.module_utils.migrations_shop import Postgres

    # Its own user has to be able to reach it, which rules out pytest's folders.
    folder = Path(tempfile.mkdtemp(prefix="trundle-postgresql-"))
    server = Postgres(folder)
    try:
        server.server("start")
        server.prepare()
        yield server
    finally:
        server.server("stop")
        shutil.rmtree(folder)


@pytest.fixture
def shop(postgres: Any, tmp_path: Path) -> Any:
    """A project with migrations on PostgreSQL, for what does not differ between series of Django."""
    from ansible_collections.trundle.django.tests.unit.plugins.module_utils import migrations_shop

    return migrations_shop.Shop(tmp_path, migrations_shop.newest_python(), postgres.database())
