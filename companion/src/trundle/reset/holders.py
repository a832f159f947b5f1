# SPDX-License-Identifier: BSD-3-Clause
"""What holds keys into the tables of apps from outside, and what becomes of it when these tables go."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps.registry import Apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from trundle.reset.tables import managed_models, owner_of


@dataclass(frozen=True)
class Key:
    """A foreign key of another app."""

    model: type[models.Model]
    # A ForeignKey: the stubs do not know its db_constraint.
    field: Any

    @cached_property
    def target(self) -> type[models.Model]:
        # A key to a proxy points into the table of the model behind it.
        target: type[models.Model] = self.field.remote_field.model._meta.concrete_model
        return target

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def column(self) -> str:
        return str(self.field.column)

    def __str__(self) -> str:
        owner = owner_of(self.model)
        if owner is None:
            return f"{self.model._meta.label}.{self.field.name}"
        (name,) = (f.name for f in owner._meta.local_many_to_many if f.remote_field.through is self.model)
        return f"{owner._meta.label}.{name}"


@dataclass(frozen=True)
class Reach:
    """How far the loss goes. A key that may not be NULL means that all rows of its table point at what is dropped."""

    keys: tuple[Key, ...]
    emptied: tuple[str, ...]
    nulled: tuple[Key, ...]


def keys_from_outside(
    registry: Apps, labels: Collection[str], connection: BaseDatabaseWrapper, existing: frozenset[str]
) -> list[Key]:
    """All foreign keys of other apps, wherever they point."""
    return [
        Key(model, field)
        for model in managed_models(registry, connection)
        if model._meta.app_label not in labels and model._meta.db_table in existing
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.ForeignKey)
    ]


def reach(outside: Iterable[Key], labels: Collection[str]) -> Reach:
    outside = list(outside)
    direct = tuple(key for key in outside if key.target._meta.app_label in labels)
    emptied: set[str] = set()
    nulled: dict[str, Key] = {}
    waiting = list(direct)
    while waiting:
        key = waiting.pop()
        if key.field.null:
            nulled[str(key)] = key
        elif key.table not in emptied:
            emptied.add(key.table)
            waiting += [other for other in outside if other.target._meta.db_table == key.table]
    left = tuple(key for name, key in sorted(nulled.items()) if key.table not in emptied)
    return Reach(direct, tuple(sorted(emptied)), left)


def strangers(
    connection: BaseDatabaseWrapper, dropped: Collection[str], existing: frozenset[str], known: Iterable[Key]
) -> list[str]:
    """Columns that hold foreign keys into the tables and are no model's: nothing could put these keys back."""
    expected = {(key.table, key.column) for key in known}
    found = []
    with connection.cursor() as cursor:
        for table in sorted(existing - set(dropped)):
            for constraint in connection.introspection.get_constraints(cursor, table).values():
                target, columns = constraint["foreign_key"], constraint["columns"]
                if target and target[0] in dropped and (table, columns[0]) not in expected:
                    found.append(f"{table}.{columns[0]}")
    return found


def detach(editor: BaseDatabaseSchemaEditor, keys: Iterable[Key]) -> None:
    """Take the constraints away, and leave the columns."""
    for key in keys:
        if key.field.db_constraint:
            editor.alter_field(key.model, key.field, _loose(key.field))


def empty(editor: BaseDatabaseSchemaEditor, reached: Reach) -> None:
    for table in reached.emptied:
        editor.execute(f"DELETE FROM {editor.quote_name(table)}")  # noqa: S608  (names of the project's own tables)
    for key in reached.nulled:
        table, column = editor.quote_name(key.table), editor.quote_name(key.column)
        editor.execute(f"UPDATE {table} SET {column} = NULL")  # noqa: S608  (quoted, and the project's own)


def attach(connection: BaseDatabaseWrapper, editor: BaseDatabaseSchemaEditor, keys: Iterable[Key]) -> None:
    """Put the constraints back, but for those that a migration has made anew while it changed the key's target."""
    for key in keys:
        if key.field.db_constraint and not _is_constrained(connection, key):
            editor.alter_field(key.model, _loose(key.field), key.field)


def _loose(field: Any) -> Any:
    loose = copy.copy(field)
    loose.db_constraint = False
    return loose


def _is_constrained(connection: BaseDatabaseWrapper, key: Key) -> bool:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, key.table).values()
    return any(found["foreign_key"] and found["columns"] == [key.column] for found in constraints)
