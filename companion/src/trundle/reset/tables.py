# SPDX-License-Identifier: BSD-3-Clause
"""Which tables belong to apps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.apps.registry import Apps
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import truncate_name
from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState

from trundle.reset.errors import ResetError


def existing_tables(connection: BaseDatabaseWrapper) -> frozenset[str]:
    with connection.cursor() as cursor:
        return frozenset(connection.introspection.table_names(cursor))


def managed_models(registry: Apps, connection: BaseDatabaseWrapper) -> Iterator[type[models.Model]]:
    """The models whose tables migrations make in this database, those between many-to-many ones included."""
    for model in registry.get_models(include_auto_created=True):
        owner = owner_of(model) or model
        if owner._meta.can_migrate(connection) and router.allow_migrate_model(connection.alias, owner):
            yield model


def owner_of(model: type[models.Model]) -> type[models.Model] | None:
    """Whose many-to-many field has made this model."""
    owner = model._meta.auto_created
    return owner if isinstance(owner, type) else None


def tables_of(
    registries: Iterable[Apps],
    labels: Collection[str],
    connection: BaseDatabaseWrapper,
    existing: frozenset[str],
) -> tuple[str, ...]:
    """The tables of the apps that exist, after any of the registries.

    The records alone do not tell: they may be gone, or the migrations edited since.
    """
    names = {
        connection.introspection.identifier_converter(model._meta.db_table)
        for registry in registries
        for model in managed_models(registry, connection)
        if model._meta.app_label in labels
    }
    return tuple(sorted(names & existing))


def leftovers(
    registries: Iterable[Apps], labels: Iterable[str], dropped: Collection[str], existing: frozenset[str]
) -> tuple[str, ...]:
    """Tables that are named like the apps' and belong to no model: of models that were forgotten, perhaps."""
    owned = {
        model._meta.db_table for registry in registries for model in registry.get_models(include_auto_created=True)
    }
    prefixes = tuple(f"{label}_" for label in labels)
    return tuple(sorted(name for name in existing - owned - set(dropped) if name.startswith(prefixes)))


def check_room(
    replay: Iterable[Migration],
    labels: Collection[str],
    connection: BaseDatabaseWrapper,
    standing: Collection[str],
) -> None:
    """No migration makes a table that will still be there, say one that was handed to another app later."""
    state = ProjectState()
    for migration in replay:
        state = migration.mutate_state(state, preserve=False)
        if migration.app_label not in labels:
            continue
        for (label, _name), model in state.models.items():
            table = _table_name(model, connection)
            if label in labels and _is_managed(model) and table in standing:
                raise ResetError(
                    f"{label}.{migration.name} would make the table {table}, which exists and is not {label}'s now. "
                    "Rename or drop that table first, or name the app that it belongs to."
                )


def _is_managed(model: ModelState) -> bool:
    return bool(model.options.get("managed", True)) and not model.options.get("proxy", False)


def _table_name(model: ModelState, connection: BaseDatabaseWrapper) -> str:
    name = model.options.get("db_table") or f"{model.app_label}_{model.name_lower}"
    name = truncate_name(str(name), connection.ops.max_name_length())
    return connection.introspection.identifier_converter(name)
