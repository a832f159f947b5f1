# SPDX-License-Identifier: BSD-3-Clause
"""What is asked before anything is planned: is this the right database, are these apps that can be reset?"""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from trundle.reset.errors import ResetError


def database_name(connection: BaseDatabaseWrapper) -> str:
    return str(connection.settings_dict["NAME"])


def check_database(alias: str, *, known_as: str | None) -> None:
    """Where DEBUG is off people may use the site, so whoever resets must name the database that they mean."""
    if alias not in connections.databases:
        known = ", ".join(sorted(connections.databases))
        raise ResetError(f"No database is called {alias!r} in DATABASES; these are: {known}.")
    name = database_name(connections[alias])
    if known_as is None and not settings.DEBUG:
        raise ResetError(
            f"DEBUG is off, so this may be a database that people use. If you mean it, add: --i-know-this-is {name}"
        )
    if known_as is not None and known_as != name:
        raise ResetError(f"The database {alias!r} is {name!r}, not {known_as!r} as --i-know-this-is says.")


def check_apps(labels: Iterable[str], loader: MigrationLoader) -> None:
    conflicts = loader.detect_conflicts()
    for label in labels:
        if label not in apps.app_configs:
            known = ", ".join(sorted(apps.app_configs))
            raise ResetError(f"No installed app has the label {label!r}; these are installed: {known}.")
        if label not in loader.migrated_apps or not loader.graph.leaf_nodes(label):
            raise ResetError(f"{label} has no migrations; make them first: manage.py makemigrations {label}")
        if label in conflicts:
            names = ", ".join(sorted(conflicts[label]))
            raise ResetError(
                f"The migrations of {label} end in several ({names}); join them first: "
                f"manage.py makemigrations --merge {label}"
            )
