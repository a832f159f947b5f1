# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()

from django.conf import settings
from django.core.signals import setting_changed
from django.test import Client, override_settings
from django.test.utils import setup_test_environment
from xdist.scheduler import LoadScopeScheduling

from trundle.health import checks, drain, run

setup_test_environment()
pytest_plugins = ["chains"]

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
PATHS = {"css/app.css": "css/app.111111111111.css", "img/a b.svg": "img/a b.222222222222.svg"}


# These take longest, so they begin first.
LONG = ("tests/test_cache_load.py", "tests/test_cache_suite.py", "mariadb", "postgresql")


def group(test: str) -> str:
    """Tests of a database server, and else of a file, go to one worker: what they share is made once."""
    name, _bracket, parameters = test.partition("[")
    return next((server for server in LONG if server in parameters), name.partition("::")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(group(item.nodeid), len(LONG)))


class Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    # Its own mark for groups does nothing under pytest 9.2.
    return Groups(config, log)


class Folder:
    """A release's folder on a host."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "staticfiles.json"
        self.record = path / "release.json"

    def write(
        self, release: str = "v1", paths: dict[str, str] | None = None, *, indent: int | None = 1, **record: Any
    ) -> None:
        paths = PATHS if paths is None else paths
        self.path.mkdir(parents=True, exist_ok=True)
        self.manifest.write_text(json.dumps({"paths": paths, "version": "1.1", "hash": "abc"}))
        whole = {
            "schema": 1,
            "release": release,
            "static_url": "https://cdn.example.com/static/",
            "manifest": {"sha256": hashlib.sha256(self.manifest.read_bytes()).hexdigest(), "paths": paths},
            "files": {key: {"size": 1, "sha256": "0" * 64} for key in paths.values()},
            "source": {"revision": "abc", "dirty": False},
            **record,
        }
        self.record.write_text(json.dumps(whole, sort_keys=True, indent=indent) + "\n")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "releases" / "v1")


@pytest.fixture
def released(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A process of release v1."""
    folder.write()
    monkeypatch.setenv("TRUNDLE_RELEASE", "v1")
    monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(folder.path))
    return folder


@pytest.fixture
def configure() -> Iterator[Callable[..., None]]:
    """Set settings until the test ends."""
    stack: list[override_settings] = []

    def set_(**values: Any) -> None:
        stack.append(override_settings(**values))
        stack[-1].enable()

    yield set_
    while stack:
        stack.pop().disable()


def forget_storages() -> None:
    # This is how Django itself forgets them.
    setting_changed.send(sender=None, setting="STORAGES", value=None, enter=False)


@pytest.fixture
def use_storage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set the static files storage. In place: override_settings of Django 4.2 loses the OPTIONS."""

    def use(backend: str, **options: Any) -> None:
        monkeypatch.setitem(settings.STORAGES, "staticfiles", {"BACKEND": backend, "OPTIONS": options})
        forget_storages()

    return use


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own: nothing read before, no environment."""
    for name in ("TRUNDLE_RELEASE", "TRUNDLE_RELEASE_DIR", "TRUNDLE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    run._runners.cache_clear()
    drain._mark_of.cache_clear()
    checks._load_once.cache_clear()
    forget_storages()


@pytest.fixture
def client() -> Client:
    return Client()
