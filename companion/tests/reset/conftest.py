# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import database_servers
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

BASE = list(settings.INSTALLED_APPS)
CONTRIB = ["auth", "contenttypes"]
MALL = Path(__file__).parents[1] / "mall"
VENDORS = ["sqlite", "postgresql", "mariadb"]
_numbers = itertools.count()


class Servers:
    """Started when first asked for, once for all tests."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._running: dict[str, dict[str, Any]] = {}

    def settings(self, vendor: str) -> dict[str, Any]:
        if vendor not in self._running:
            self._running[vendor] = self._stack.enter_context(getattr(database_servers, vendor)())
        return self._running[vendor]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture
def add_database(servers: Servers, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Make an empty database and give it an alias."""
    added: list[str] = []

    def add(vendor: str, alias: str = "box") -> str:
        name = f"mall_{next(_numbers)}"
        if vendor == "sqlite":
            _connect(alias, {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / name)})
        else:
            maintenance = {"postgresql": "postgres", "mariadb": "mysql"}[vendor]
            _connect("maintenance", {**servers.settings(vendor), "NAME": maintenance})
            with connections["maintenance"].cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
            _disconnect("maintenance")
            _connect(alias, {**servers.settings(vendor), "NAME": name})
        added.append(alias)
        return alias

    yield add
    for alias in added:
        _disconnect(alias)


def _connect(alias: str, values: dict[str, Any]) -> None:
    whole = connections.configure_settings({"default": {}, alias: values})
    connections.databases[alias] = whole[alias]


def _disconnect(alias: str) -> None:
    connections[alias].close()
    del connections[alias]
    del connections.databases[alias]


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(vendor: str, add_database: Callable[..., str]) -> str:
    return add_database(vendor)


@pytest.fixture
def install() -> Iterator[Callable[..., None]]:
    """Have these apps installed and no others, with DEBUG on."""
    with contextlib.ExitStack() as stack:

        def install_(*labels: str, **values: Any) -> None:
            stack.close()
            stack.callback(apps.clear_cache)
            names = [f"{'django.contrib' if label in CONTRIB else 'mall'}.{label}" for label in labels]
            stack.enter_context(override_settings(INSTALLED_APPS=[*BASE, *names], **{"DEBUG": True, **values}))
            # Django does not forget by itself who held keys into the models before.
            apps.clear_cache()

        yield install_


@pytest.fixture
def edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A copy of an app's migrations with other files in it (None: without that file); gives its module's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def copy(label: str, files: dict[str, str | None] | None = None) -> str:
        folder = tmp_path / f"edition_{next(_numbers)}"
        shutil.copytree(MALL / label / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in (files or {}).items():
            if text is None:
                (folder / f"{name}.py").unlink()
            else:
                (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return folder.name

    return copy


@pytest.fixture
def manage() -> Callable[..., str]:
    """Run a command and give what it wrote."""

    def run(*arguments: str, **options: Any) -> str:
        stdout = io.StringIO()
        call_command(*arguments, stdout=stdout, stderr=stdout, **options)
        return stdout.getvalue()

    return run
