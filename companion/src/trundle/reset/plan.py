# SPDX-License-Identifier: BSD-3-Clause
"""What a reset will do, found out without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.apps.registry import Apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration

from trundle.reset import tables
from trundle.reset.errors import ResetError
from trundle.reset.guard import check_apps, database_name
from trundle.reset.history import History
from trundle.reset.holders import Reach, keys_from_outside, reach, strangers
from trundle.reset.traces import GenericKey, Stale, Traces


@dataclass(frozen=True)
class Plan:
    labels: tuple[str, ...]
    alias: str
    database: str
    vendor: str
    dropped: tuple[str, ...]
    replay: tuple[Migration, ...]
    reach: Reach
    generic: tuple[GenericKey, ...]
    stale_types: Stale
    stale_permissions: Stale
    leftovers: tuple[str, ...]
    in_parts: str | None
    """Why it cannot be one transaction; None if it can."""

    @property
    def created(self) -> list[Migration]:
        return [migration for migration in self.replay if migration.app_label in self.labels]


def make_plan(labels: tuple[str, ...], alias: str, *, cascade: bool) -> Plan:
    connection = connections[alias]
    executor = MigrationExecutor(connection)
    check_apps(labels, executor.loader)
    history = History(executor, labels)
    history.check_replay()
    replay = history.replay()
    existing = tables.existing_tables(connection)
    after = _models(history)
    before = history.state_before()
    registries: list[Apps] = [after, apps, *([before.apps] if before else [])]
    dropped = tables.tables_of(registries, labels, connection, existing)
    tables.check_room(replay, labels, connection, existing - set(dropped))
    outside = keys_from_outside(after, labels, connection, existing)
    reached = reach(outside, labels)
    _check_strangers(strangers(connection, dropped, existing, outside))
    traces = Traces(connection, labels, existing)
    generic = traces.generic_keys()
    if not cascade:
        _check_holders([*map(str, reached.keys), *(f"{key} ({key.rows} generic)" for key in generic)])
    return Plan(
        labels=labels,
        alias=alias,
        database=database_name(connection),
        vendor=connection.display_name,
        dropped=dropped,
        replay=tuple(replay),
        reach=reached,
        generic=generic,
        stale_types=traces.stale_types(),
        stale_permissions=traces.stale_permissions(),
        leftovers=tables.leftovers(registries, labels, dropped, existing),
        in_parts=_why_in_parts(connection, [found for found in replay if found.app_label in labels]),
    )


def _models(history: History) -> Apps:
    try:
        return history.state_after().apps
    except ValueError as exc:
        raise ResetError(f"The migrations that will be applied do not fit together: {exc}") from exc


def _why_in_parts(connection: BaseDatabaseWrapper, migrations: list[Migration]) -> str | None:
    if not connection.features.can_rollback_ddl:
        return f"{connection.display_name} cannot roll back changes of tables"
    apart = [f"{migration.app_label}.{migration.name}" for migration in migrations if not migration.atomic]
    return f"atomic = False in {', '.join(apart)}" if apart else None


def _check_holders(holders: list[str]) -> None:
    if holders:
        raise ResetError(
            f"Other apps hold keys into these: {', '.join(sorted(holders))}. Name these apps too, or add --cascade: "
            "keys that may be NULL are set to NULL, and rows whose keys may not are deleted."
        )


def _check_strangers(columns: list[str]) -> None:
    if columns:
        raise ResetError(
            f"Tables that no app's migrations manage hold foreign keys into these: {', '.join(columns)}. "
            "Drop the tables or these constraints by hand first."
        )


def describe(plan: Plan) -> Iterator[str]:
    yield f"Reset of {', '.join(plan.labels)} in the {plan.vendor} database {plan.database!r} ({plan.alias})"
    yield from _part("Drop these tables and all that is in them:", plan.dropped)
    yield from _part("Set to NULL (--cascade):", map(str, plan.reach.nulled))
    yield from _part("Delete all rows of other apps' tables (--cascade):", plan.reach.emptied)
    yield from _part("Delete rows of other apps (--cascade):", (f"{key}: {key.rows} rows" for key in plan.generic))
    yield from _part("Apply these migrations anew:", (f"{found.app_label}.{found.name}" for found in plan.created))
    yield from _part("Delete stale permissions:", plan.stale_permissions.names)
    yield from _part("Delete stale content types, and what points at them:", plan.stale_types.names)
    yield from _part("Leave alone, though they are named like these apps' and belong to no model:", plan.leftovers)
    if plan.in_parts:
        yield f"Not in one transaction: {plan.in_parts}. If a step fails, mend its cause and run the command again."
    else:
        yield "All in one transaction."


def _part(title: str, lines: Iterator[str] | tuple[str, ...] | list[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield title
        yield from (f"  {line}" for line in lines)
