# SPDX-License-Identifier: BSD-3-Clause
"""The things that are looked at. A project adds its own in TRUNDLE_HEALTH["CHECKS"]."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.db import DatabaseError, InterfaceError, connections

from trundle.errors import ReleaseError
from trundle.release import Release, env_release_id, find_manifest, load_release
from trundle.storage import ReleaseStaticFilesStorage


class CheckFailed(Exception):
    """A failure that a check expects. Its text is shown to whoever asks: no secret in it."""


class Check:
    """One thing to look at. `run` returns when all is well; it may be called from any thread."""

    name: str
    timeout: float | None = None
    """Seconds; None takes TRUNDLE_HEALTH["TIMEOUT"]."""
    shared = False
    """True for what all hosts share: when it fails, taking hosts out of the balancer does not help."""

    def run(self) -> None:
        """Raise CheckFailed with a text for the public, or anything else, which is logged and shown as "unknown"."""
        raise NotImplementedError


class DatabaseCheck(Check):
    """The database answers to a connection of its own: a worker's open one may have been lost without notice."""

    name = "database"
    shared = True

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias

    def run(self) -> None:
        connection = connections[self.alias]
        try:
            connection.ensure_connection()
            usable = connection.is_usable()
        except (DatabaseError, InterfaceError) as exc:
            # Only the kind of error: its text may name hosts and users.
            raise CheckFailed(f"the database does not answer ({type(exc).__name__})") from exc
        finally:
            connection.close()
        if not usable:
            raise CheckFailed("the database does not answer")


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
            # pylint knows no Django, and so not that this is an exception.
            message = "the release's manifest is missing or not usable; see the log"
            raise CheckFailed(message) from exc  # pylint: disable=bad-exception-cause


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
