# SPDX-License-Identifier: BSD-3-Clause
"""What a migration made from the models' state alone does not do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.migrations.migration import Migration
from django.db.migrations.operations import RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation


def lost_operations(migrations: Iterable[Migration]) -> Iterator[str]:
    for migration in migrations:
        for operation in _flat(migration.operations):
            if not isinstance(operation, (ModelOperation, FieldOperation, IndexOperation)):
                yield f"{migration.app_label}.{migration.name}: {_describe(operation)}"


def _flat(operations: Iterable[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _describe(operation: Operation) -> str:
    name = type(operation).__name__
    if isinstance(operation, RunPython):
        return f"{name} {getattr(operation.code, '__name__', operation.code)}"
    if isinstance(operation, RunSQL):
        return f"{name} {_first_line(operation.sql)}"
    return f"{name}: {operation.describe()}"


def _first_line(sql: Any) -> str:
    """Of one statement, or of a list of statements, which may have parameters."""
    first = sql if isinstance(sql, str) else next(iter(sql), "(nothing)")
    line = " ".join((first if isinstance(first, str) else first[0]).split())
    return line if len(line) <= 60 else f"{line[:57]}..."
