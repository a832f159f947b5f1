# SPDX-License-Identifier: BSD-3-Clause
"""The things that are looked at. A project adds its own in TRUNDLE_HEALTH["CHECKS"]."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from trundle.errors import ReleaseError
from trundle.health.migrations import names_on_disk, pending
from trundle.release import Release, env_release_id, find_manifest, load_release
from trundle.storage import ReleaseStaticFilesStorage


class CheckFailed(Exception):
    """A failure that a check expects. Its text is shown to whoever asks: no secret in it."""


class Check:
    """One thing to look at. `run` returns when all is well; it may be called from any thread."""

    name: str
    timeout: float | None = None
    """Seconds; None takes TRUNDLE_HEALTH["TIMEOUT"]."""
    reuse: float | None = None
    """For so many seconds a verdict answers later probes; None takes TRUNDLE_HEALTH["REUSE"]."""
    shared = False
    """True for what all hosts share: when it fails, taking hosts out of the balancer does not help."""
    warning = False
    """True for what is only told: a failure is shown as a warning and costs the process no traffic."""

    def run(self) -> Coroutine[Any, Any, None] | None:
        """Raise CheckFailed with a text for the public, or anything else, which is logged and shown as "unknown".

        It may be an `async def`: then it runs in an event loop of its own.
        """
        raise NotImplementedError

    def problem(self) -> str | None:
        """What is wrong with the settings that it needs, and what to do; seen at start, without running it."""
        return None


class DatabaseCheck(Check):
    """The database answers to a connection of its own: a worker's open one may have been lost without notice."""

    name = "database"
    shared = True

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    def problem(self) -> str | None:
        # Django itself fills in `default` with the dummy.
        engine = connections.settings.get(self.alias, {}).get("ENGINE", "django.db.backends.dummy")
        if engine != "django.db.backends.dummy":
            return None
        return f"DATABASES has no {self.alias!r}. Define it, or give the check {self.name!r} an alias that is there."

    def run(self) -> None:
        connection = connections[self.alias]
        try:
            self.look(connection)
        except (DatabaseError, InterfaceError) as exc:
            # Only the kind of error: its text may name hosts and users.
            raise CheckFailed(f"the database does not answer ({type(exc).__name__})") from exc
        finally:
            connection.close()

    def look(self, connection: BaseDatabaseWrapper) -> None:
        """Look at the database; its own errors are expected ones."""
        connection.ensure_connection()
        if not connection.is_usable():
            raise CheckFailed("the database does not answer")


class MigrationsCheck(DatabaseCheck):
    """All migrations are applied. Only told: nothing that could be done to this process applies them."""

    name = "migrations"
    warning = True
    reuse = 30.0

    @cached_property
    def names(self) -> frozenset[tuple[str, str]]:
        return names_on_disk()

    def look(self, connection: BaseDatabaseWrapper) -> None:
        number = pending(connection, self.names)
        if number:
            what = "1 migration is" if number == 1 else f"{number} migrations are"
            raise CheckFailed(f"{what} not applied; see `manage.py showmigrations`")


class CacheCheck(Check):
    """The cache keeps what it is given. Whether a site can live without its cache is for the project to say."""

    name = "cache"
    shared = True

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    def problem(self) -> str | None:
        if self.alias in settings.CACHES:
            return None
        return f"CACHES has no {self.alias!r}. Define it, or give the check {self.name!r} an alias that is there."

    def run(self) -> None:
        cache = caches[self.alias]
        # A key of its own for each attempt: those of other processes run at the same time.
        key = value = f"trundle.health.{uuid4().hex}"
        try:
            cache.set(key, value, 10)
            found = cache.get(key)
            cache.delete(key)
        except Exception as exc:
            # The clients' errors have no class in common. Their text may name hosts and users.
            raise CheckFailed(f"the cache does not answer ({type(exc).__name__})") from exc
        finally:
            cache.close()
        if found != value and not isinstance(cache, DummyCache):
            raise CheckFailed("the cache does not keep what it is given")


class ManifestCheck(Check):
    """The manifest of this release could be read. Nothing to see in development."""

    name = "manifest"

    def run(self) -> None:
        if settings.DEBUG:
            return
        try:
            current_release()
        except ReleaseError as exc:
            # The text names paths; `manage.py check` shows it to those who may see it.
            message = "the release's manifest is missing or not usable; see the log"
            # pylint does not find Django, and so not that the cause is an exception.
            raise CheckFailed(message) from exc  # pylint: disable=bad-exception-cause  # it is one


_load_once = lru_cache(maxsize=1)(load_release)


def current_release() -> Release | None:
    """The release of this process, under whatever static files storage. Raises ReleaseError."""
    if apps.is_installed("django.contrib.staticfiles"):
        storage = storages["staticfiles"]
        if isinstance(storage, ReleaseStaticFilesStorage):
            return storage.release
    path: Path | None = find_manifest()
    return None if path is None else _load_once(path)


def identity() -> tuple[str | None, str | None]:
    """Release id and manifest checksum, None for what is not known. Never raises for a wrong configuration."""
    try:
        release_id = env_release_id()
    except ReleaseError:
        release_id = None
    try:
        release = current_release()
    except ImproperlyConfigured:
        release = None
    if release is None:
        return release_id, None
    return release.id, release.sha256
