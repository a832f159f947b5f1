# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What migrations would do to the database: part of the program that runs in the project's Python.

Every operation is asked for its SQL and for the tables before and after it. django-migration-linter reads the
SQL; who judges what it found is outside of this program. Standard library and Django only.
"""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Options of the linter that projects set as MIGRATION_LINTER_OPTIONS, as far as they matter here.
LINTER_OPTIONS = ("exclude_apps", "ignore_name", "ignore_name_contains", "exclude_migration_tests")


class Linter:
    """django-migration-linter's analyser for one kind of database."""

    def __init__(self, vendor: str, options: dict[str, Any]) -> None:
        from django_migration_linter import IgnoreMigration
        from django_migration_linter.sql_analyser import analyse_sql_statements, get_sql_analyser_class

        self.analyser = get_sql_analyser_class("", analyser_string=vendor)
        self.analyse, self.marker, self.options = analyse_sql_statements, IgnoreMigration, options

    def ignores(self, migration: Any) -> bool:
        contained = self.options.get("ignore_name_contains")
        return bool(
            migration.app_label in (self.options.get("exclude_apps") or ())
            or migration.name in (self.options.get("ignore_name") or ())
            or (contained and contained in migration.name)
            or any(isinstance(operation, self.marker) for operation in migration.operations)
        )

    def errors(self, statements: list[str]) -> list[dict[str, Any]]:
        """What breaks, with the statement where it is but one."""
        found = self.read(statements)[0]
        by_statement = [(one, {issue.code for issue in self.read([one])[0]}) for one in statements] if found else []
        entries = []
        for issue in found:
            guilty = [one for one, codes in by_statement if issue.code in codes]
            entries.append({**issue_entry(issue), "statement": guilty[0] if len(guilty) == 1 else None})
        return entries

    def warnings(self, statements: list[str]) -> list[dict[str, Any]]:
        return [issue_entry(issue) for issue in self.read(statements)[1]]

    def read(self, statements: list[str]) -> tuple[list[Any], list[Any]]:
        excluded = self.options.get("exclude_migration_tests") or ()
        errors, _ignored, warnings = self.analyse(self.analyser, statements, excluded)
        return errors, warnings


def find_linter(vendor: str, folder: str | None, settings: Any) -> tuple[Linter | None, str | None]:
    """The linter, that of the project first, and why there is none."""
    if folder and folder not in sys.path:
        sys.path.append(folder)
    given = getattr(settings, "MIGRATION_LINTER_OPTIONS", {})
    try:
        return Linter(vendor, {name: given[name] for name in LINTER_OPTIONS if name in given}), None
    except ImportError:
        return None, "missing"
    except ValueError:
        return None, f"django-migration-linter does not know databases of the kind '{vendor}'"


class Reader:
    """Reads migrations one after another; the state goes along."""

    def __init__(self, connection: Any, linter: Linter | None, state: Any, project: str) -> None:
        self.connection, self.linter, self.state, self.project = connection, linter, state, project

    def read(self, migration: Any) -> dict[str, Any]:
        path = inspect.getfile(type(migration))
        ignored = self.linter is not None and self.linter.ignores(migration)
        lines = operation_lines(path)
        operations = []
        for index, operation in enumerate(migration.operations):
            line = lines[index] if len(lines) == len(migration.operations) else None
            operations += [{**entry, "line": line} for entry in self.operation(migration, operation, self.state)]
            operation.state_forwards(migration.app_label, self.state)
        return {
            "app": migration.app_label,
            "name": migration.name,
            "file": os.path.relpath(path, self.project) if path.startswith(self.project + os.sep) else path,
            "atomic": migration.atomic,
            "ignored": ignored,
            "operations": operations,
            "warnings": [] if ignored else self.lock_warnings(migration, operations),
        }

    def operation(self, migration: Any, operation: Any, before: Any) -> Iterator[dict[str, Any]]:
        """One entry; for a container such as SeparateDatabaseAndState, one for each operation on the database."""
        nested = getattr(operation, "database_operations", None)
        if nested is not None:
            before = before.clone()
            for inner in nested:
                yield from self.operation(migration, inner, before)
                inner.state_forwards(migration.app_label, before)
            return
        after = before.clone()
        operation.state_forwards(migration.app_label, after)
        statements: list[str] = []
        error = None
        if operation.reduces_to_sql:
            try:
                statements = self.statements(migration, operation, before, after)
            except Exception as exc:  # (what an operation raises is up to it: often it looks up a constraint)
                error = f"{type(exc).__name__}: {exc}".strip()
        yield {
            "kind": type(operation).__name__,
            "description": str(operation.describe()),
            "sql": statements,
            "python": not operation.reduces_to_sql,
            "error": error,
            "issues": self.linter.errors(plain(statements)) if self.linter else [],
            "before": tables_of(operation, migration.app_label, before, self.connection),
            "after": tables_of(operation, migration.app_label, after, self.connection),
        }

    def statements(self, migration: Any, operation: Any, before: Any, after: Any) -> list[str]:
        with self.connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            operation.database_forwards(migration.app_label, editor, before, after)
        return [str(statement) for statement in editor.collected_sql]

    def lock_warnings(self, migration: Any, operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the linter warns of, such as an index that locks its table; that takes the whole migration."""
        if self.linter is None:
            return []
        begin = ["BEGIN;"] if migration.atomic and self.connection.features.can_rollback_ddl else []
        statements = plain(statement for operation in operations for statement in operation["sql"])
        return self.linter.warnings(begin + statements)


def issue_entry(issue: Any) -> dict[str, Any]:
    return {"code": issue.code, "message": issue.message, "table": issue.table, "column": issue.column}


def plain(statements: Iterable[str]) -> list[str]:
    """One statement a line, its keywords in capitals and without comments, as the linter's patterns expect.

    RunSQL may hold several statements in one text, written in any way.
    """
    import sqlparse

    found = []
    for text in statements:
        for statement in sqlparse.split(text):
            one = sqlparse.format(statement, strip_comments=True, keyword_case="upper")
            if one.strip():
                found.append(" ".join(one.split()))
    return found


def tables_of(operation: Any, app_label: str, state: Any, connection: Any) -> dict[str, Any]:
    """The tables of the models that the operation names, with their columns."""
    names = {getattr(operation, f"{kind}_lower", None) for kind in ("model_name", "name", "old_name", "new_name")}
    tables: dict[str, Any] = {}
    for name in sorted(name for name in names if name):
        if (app_label, name) in state.models:
            add_tables(tables, state.apps.get_model(app_label, name), connection)
    return tables


def add_tables(tables: dict[str, Any], model: Any, connection: Any) -> None:
    """A model's table and those of its many-to-many fields."""
    options = model._meta
    if not options.managed or options.proxy or options.swapped:
        return
    tables[options.db_table] = {
        field.column: column_entry(field, connection) for field in options.local_concrete_fields if field.column
    }
    for field in options.local_many_to_many:
        through = field.remote_field.through
        if not isinstance(through, str) and through._meta.auto_created:
            add_tables(tables, through, connection)


def column_entry(field: Any, connection: Any) -> dict[str, Any]:
    """default: whether the database fills it in by itself."""
    from django.db.models import NOT_PROVIDED
    from django.db.models.fields import AutoFieldMixin

    by_database = getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
    filled = by_database or isinstance(field, AutoFieldMixin) or bool(getattr(field, "generated", False))
    return {"null": bool(field.null), "default": filled, "type": field.db_type(connection) or ""}


def state_tables(state: Any, connection: Any) -> dict[str, Any]:
    """All tables of a state, or of the registry of a running project."""
    tables: dict[str, Any] = {}
    for model in getattr(state, "apps", state).get_models(include_auto_created=True):
        add_tables(tables, model, connection)
    return tables


def operation_lines(path: str) -> list[int]:
    """The lines on which a migration's operations begin; empty where its list is made in another way."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            for part in node.body:
                if (
                    isinstance(part, ast.Assign)
                    and any(isinstance(target, ast.Name) and target.id == "operations" for target in part.targets)
                    and isinstance(part.value, (ast.List, ast.Tuple))
                ):
                    return [element.lineno for element in part.value.elts]
    return []
