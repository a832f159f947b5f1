# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the pending migrations: part of the program that runs in the project's Python.

Django's own command does it, so that signals, checks and a command of the project's own are kept.
Standard library and Django only.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.migrate_lock import (
    cause_of,
    lock_kind,
    one_at_a_time,
    set_limits,
)
from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError, last_line

LONGEST_PAUSE = 10.0
# Statements that leave nothing behind.
READING = frozenset({"SELECT", "SHOW", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "EXPLAIN"})


class Watch:
    """Sees which migration runs, and whether it has written anything."""

    def __init__(self) -> None:
        self.current: Any = None
        self.writes = 0
        self.applied: list[dict[str, Any]] = []

    def statement(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if str(sql).lstrip().split(None, 1)[0].rstrip(";").upper() not in READING:
            self.writes += 1
        return result

    @contextmanager
    def watching(self, connection: Any) -> Iterator[None]:
        from django.db.migrations.executor import MigrationExecutor

        original: Callable[..., Any] = MigrationExecutor.apply_migration

        def apply_migration(executor: Any, state: Any, migration: Any, *args: Any, **kwargs: Any) -> Any:
            self.current, self.writes = migration, 0
            started = time.monotonic()
            result = original(executor, state, migration, *args, **kwargs)
            seconds = round(time.monotonic() - started, 3)
            self.applied.append({"migration": f"{migration.app_label}.{migration.name}", "seconds": seconds})
            self.current = None
            return result

        MigrationExecutor.apply_migration = apply_migration
        try:
            with connection.execute_wrapper(self.statement):
                yield
        finally:
            MigrationExecutor.apply_migration = original


class Run:
    """The attempts of one run."""

    def __init__(self, request: dict[str, Any], connection: Any) -> None:
        self.request, self.connection = request, connection
        self.watch = Watch()
        self.retried: list[str] = []

    def run(self) -> dict[str, Any]:
        from django.db.backends.signals import connection_created

        connection_created.connect(self.limit, weak=False)
        self.connection.close()
        while True:
            try:
                with one_at_a_time(self.connection, self.request["lock_wait"]):
                    self.once()
                break
            except RefusedError:
                raise
            except BaseException as exc:
                self.connection.close()
                self.try_again(exc)
        return {
            "applied": self.watch.applied,
            "retried": self.retried,
            "lock": lock_kind(self.connection.vendor),
            "warnings": [],
        }

    def limit(self, connection: Any, **_arguments: Any) -> None:
        """Also when a migration opens a new connection."""
        if connection.alias == self.connection.alias:
            set_limits(connection, self.request["lock_timeout"], self.request["statement_timeout"])

    def once(self) -> None:
        """Under the lock: what is pending may have changed since it was looked at."""
        from django.core.management import call_command
        from django.db.migrations.executor import MigrationExecutor

        self.watch.current = None
        executor = MigrationExecutor(self.connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        pending = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
        unseen = [name for name in pending if name not in self.request["expected"]]
        if unseen:
            raise RefusedError(
                f"Migrations became pending after they had been looked at: {', '.join(unseen)}. "
                "Something has unapplied them; run this again."
            )
        if pending:
            with self.watch.watching(self.connection):
                call_command("migrate", database=self.connection.alias, interactive=False, verbosity=1)

    def try_again(self, exc: BaseException) -> None:
        """Wait for the next attempt, or raise what the user is told."""
        cause = cause_of(exc)
        clean = self.rolled_back() or not self.watch.writes
        attempts = len(self.retried) + 1
        if cause in ("lock", "lost") and clean and attempts <= self.request["retries"]:
            self.retried.append(f"{self.name()}: {last_line(exc, self.request['project_path'])}")
            sys.stderr.write(f"Trying again: {self.retried[-1]}\n")
            pause = min(LONGEST_PAUSE, 2.0 ** (attempts - 1))
            # Two that wait for each other must not meet again.
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)
            return
        raise RefusedError(self.explain(exc, cause, clean, attempts), **self.details()) from exc

    def name(self) -> str:
        migration = self.watch.current
        return f"{migration.app_label}.{migration.name}" if migration else "manage.py migrate"

    def rolled_back(self) -> bool:
        migration = self.watch.current
        return bool(migration is None or (migration.atomic and self.connection.features.can_rollback_ddl))

    def explain(self, exc: BaseException, cause: str | None, clean: bool, attempts: int) -> str:
        name, said = self.name(), last_line(exc, self.request["project_path"])
        tries = f"{attempts} attempts" if attempts > 1 else "one attempt"
        if cause == "lock":
            text = (
                f"{name} did not get its lock in {tries} of {self.request['lock_timeout']:g} s each: {said}. "
                "End what holds it, such as a long transaction, or deploy when there is less traffic"
            )
        elif cause == "statement":
            text = (
                f"A statement of {name} took longer than {self.request['statement_timeout']:g} s and was cancelled. "
                "Raise statement_timeout, or let it do less at a time"
            )
        else:
            text = f"{name} failed{f' in {tries}' if attempts > 1 else ''}: {said}"
        if self.watch.current is None:
            return text + "."
        left = (
            "Nothing of it is in the database."
            if clean
            else "The database keeps what it had done until then: undo or complete that by hand before the next deploy."
        )
        return f"{text}. {left}"

    def details(self) -> dict[str, Any]:
        failed = self.watch.current
        return {
            "applied": self.watch.applied,
            "retried": self.retried,
            "failed_migration": f"{failed.app_label}.{failed.name}" if failed else None,
        }
