# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which operations of migrations the running code does not survive.

django-migration-linter says what the SQL does. Whether that breaks anything depends on the code that runs: a
column that it does not know can be dropped. Where Django's own state tells what happens to a table, it is more
exact than the SQL: SQLite's tables are made anew for nearly everything, and a default that Django drops again
looks like one that stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Tables = Mapping[str, Mapping[str, Mapping[str, Any]]]

# What the states of the tables tell, where they are known.
OF_STATES = frozenset({"RENAME_TABLE", "DROP_TABLE", "RENAME_COLUMN", "DROP_COLUMN", "NOT_NULL", "ALTER_COLUMN"})
OF_TABLES = frozenset({"RENAME_TABLE", "DROP_TABLE", "ADD_UNIQUE"})

REASONS = {
    "RENAME_TABLE": "it renames the table {table}, which the running code uses",
    "DROP_TABLE": "it drops the table {table}, which the running code uses",
    "RENAME_COLUMN": "it renames the column {column} of {table}, which the running code reads and writes",
    "DROP_COLUMN": "it drops the column {column} of {table}, which the running code reads and writes",
    "NOT_NULL": "it makes the column {column} of {table} NOT NULL without a default in the database: rows that the "
    "running code inserts have no value there",
    "ALTER_COLUMN": "it changes the type of the column {column} of {table}, which the running code reads and writes",
    "ADD_UNIQUE": "it makes values of {table} unique, which the running code does not see to",
    "UNKNOWN": "what it does is not known: {cause}",
}
_LATER = "Deploy first a release that does not use it any more (remove it from the state alone, with "
REMEDIES = {
    "RENAME_TABLE": "Keep the table's name with Meta.db_table.",
    "DROP_TABLE": _LATER + "SeparateDatabaseAndState), and drop the table in the next one.",
    "RENAME_COLUMN": "Keep the column's name with db_column, or add a new field and drop the old one later.",
    "DROP_COLUMN": _LATER + "SeparateDatabaseAndState), and drop the column in the next one.",
    "NOT_NULL": "Give the field a db_default (Django 5.0 or newer) or null=True, and make it required in the next "
    "release.",
    "ALTER_COLUMN": "Add a field of the new type, write to both, and drop the old one in a later release.",
    "ADD_UNIQUE": "Deploy first a release that keeps the values unique, and add the constraint in the next one.",
    "UNKNOWN": "Look at it, and choose another policy if the running code survives it.",
}
_OTHER_REMEDY = "Split it into steps that the running code survives."

_IDENTIFIER = r"(?:[\"`]?\w+[\"`]?\.)?[\"`]?(\w+)[\"`]?"
_TABLE = re.compile(rf"(?:TABLE(?: IF EXISTS)?(?: ONLY)?|INDEX .*? ON(?: ONLY)?) {_IDENTIFIER}", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One operation that breaks the running code. line is None where the file does not list its operations."""

    migration: str
    file: str
    line: int | None
    operation: str
    code: str
    table: str | None
    column: str | None
    reason: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{self.migration} ({place}; {self.operation}): {self.reason}. {self.remedy}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """What happens to a table. cause: why nobody knows."""

    code: str
    table: str | None = None
    column: str | None = None
    cause: str = ""


def judge(migrations: Iterable[Mapping[str, Any]], running: Tables) -> list[Finding]:
    """What code that expects these tables does not survive."""
    known = {
        table.lower(): {name.lower(): column for name, column in columns.items()} for table, columns in running.items()
    }
    return [
        finding(migration, operation, change)
        for migration in migrations
        if not migration["ignored"]
        for operation in migration["operations"]
        for change in dict.fromkeys(changes(operation))
        if concerns(change, known)
    ]


def lock_warnings(migrations: Iterable[Mapping[str, Any]], running: Tables) -> list[str]:
    """What holds up the running code without breaking it."""
    known = {table.lower() for table in running}
    return list(
        dict.fromkeys(
            f"{migration['app']}.{migration['name']}: {issue['message']}."
            for migration in migrations
            for issue in migration["warnings"]
            if issue["table"] is None or issue["table"].lower() in known
        )
    )


def finding(migration: Mapping[str, Any], operation: Mapping[str, Any], change: Change) -> Finding:
    table = f"'{change.table}'" if change.table else "a table"
    column = f"'{change.column}'" if change.column else "(not named)"
    message = next((issue["message"] for issue in operation["issues"] if issue["code"] == change.code), change.code)
    reason = REASONS.get(change.code, message).format(table=table, column=column, cause=change.cause)
    return Finding(
        migration=f"{migration['app']}.{migration['name']}",
        file=migration["file"],
        line=operation["line"],
        operation=operation["description"],
        code=change.code,
        table=change.table,
        column=change.column,
        reason=reason,
        remedy=REMEDIES.get(change.code, _OTHER_REMEDY),
    )


def concerns(change: Change, running: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> bool:
    if change.table is None:
        return True
    columns = running.get(change.table.lower())
    if columns is None:
        return False
    if change.code in OF_TABLES or change.column is None:
        return True
    column = columns.get(change.column.lower())
    if change.code == "NOT_NULL":
        # Running code that leaves it out, may write NULL, or leaves it to a default that goes away.
        return column is None or bool(column["null"] or column["default"])
    return column is not None


def changes(operation: Mapping[str, Any]) -> Iterator[Change]:
    before, after, issues = operation["before"], operation["after"], operation["issues"]
    codes = {issue["code"] for issue in issues}
    told = {table.lower() for table in (*before, *after)}
    if told:
        yield from state_changes(operation["kind"], before, after, codes)
    elif operation["error"]:
        yield Change("UNKNOWN", cause=operation["error"])
    for issue in issues:
        table = issue["table"] or guess_table([issue["statement"]] if issue["statement"] else operation["sql"])
        if issue["code"] in OF_STATES and told and (issue["table"] is None or issue["table"].lower() in told):
            continue
        yield Change(issue["code"], table, issue["column"])


def guess_table(statements: Sequence[str]) -> str | None:
    """The only table that statements name, in the SQL that a project wrote itself too."""
    found = {match.group(1) for statement in statements for match in _TABLE.finditer(statement)}
    return found.pop() if len(found) == 1 else None


def state_changes(kind: str, before: Tables, after: Tables, codes: set[str]) -> Iterator[Change]:
    for table, columns in before.items():
        if table not in after:
            renamed = kind in ("RenameModel", "AlterModelTable", "AlterField") and set(after) - set(before)
            yield Change("RENAME_TABLE" if renamed else "DROP_TABLE", table)
            continue
        lost, new = set(columns) - set(after[table]), set(after[table]) - set(columns)
        for column in sorted(lost):
            yield Change("RENAME_COLUMN" if new else "DROP_COLUMN", table, column)
        for column, entry in after[table].items():
            old = columns.get(column)
            if required(entry) and not lost and (old is None or not required(old)):
                yield Change("NOT_NULL", table, column)
            if old is not None and "ALTER_COLUMN" in codes and not holds(entry["type"], old["type"]):
                yield Change("ALTER_COLUMN", table, column)


def required(column: Mapping[str, Any]) -> bool:
    """Whether an INSERT has to name it."""
    return not column["null"] and not column["default"]


_INTEGERS = ("smallint", "integer", "bigint")
_LENGTH = re.compile(r"(?:varchar|character varying)\((\d+)\)")
_DECIMAL = re.compile(r"(?:numeric|decimal)\((\d+),\s*(\d+)\)")


def holds(new: str, old: str) -> bool:
    """Whether a column of the new type takes and gives all that one of the old type does."""
    new, old = (name.lower().replace(" auto_increment", "").strip() for name in (new, old))
    if new == old:
        return True
    if new in _INTEGERS and old in _INTEGERS:
        return _INTEGERS.index(new) >= _INTEGERS.index(old)
    length, old_length = _LENGTH.fullmatch(new), _LENGTH.fullmatch(old)
    if old_length is not None:
        return new in ("text", "longtext", "varchar") or bool(length and int(length[1]) >= int(old_length[1]))
    decimal, old_decimal = _DECIMAL.fullmatch(new), _DECIMAL.fullmatch(old)
    if decimal and old_decimal:
        digits, places, old_digits, old_places = (int(part) for part in (*decimal.groups(), *old_decimal.groups()))
        return places == old_places and digits >= old_digits
    return False
