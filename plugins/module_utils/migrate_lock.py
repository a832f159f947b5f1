# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's own locks and limits: part of the program that runs in the project's Python.

Standard library and Django only.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError

NAME = "trundle.django migrations"
POLL = 0.25

# SQLSTATE of PostgreSQL and error numbers of MySQL and MariaDB, by what they tell.
CAUSES: dict[str, frozenset[Any]] = {
    "lock": frozenset({"55P03", "40P01", 1205, 1213}),
    "statement": frozenset({"57014", 1969, 3024}),
    "lost": frozenset({"57P01", "57P02", "57P03", 2002, 2003, 2006, 2013}),
}


def cause_of(exc: BaseException) -> str | None:
    """lock, statement or lost: what a database error tells, as far as it is one of these."""
    from django.db import InterfaceError, OperationalError

    inner: BaseException | None = exc
    code: Any = None
    while inner is not None and code is None:
        code = getattr(inner, "sqlstate", None) or getattr(inner, "pgcode", None)
        if code is None and inner.args and isinstance(inner.args[0], int):
            code = inner.args[0]
        inner = inner.__cause__
    for cause, codes in CAUSES.items():
        if code in codes:
            return cause
    if isinstance(code, str) and code.startswith("08"):
        return "lost"
    if code is None and isinstance(exc, (OperationalError, InterfaceError)):
        return "lock" if "is locked" in str(exc) else "lost"
    return None


def set_limits(connection: Any, lock_timeout: float, statement_timeout: float) -> None:
    """Seconds that a statement may wait for a lock, and may take; 0 for no limit."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
                [f"{lock_timeout * 1000:.0f}ms", f"{statement_timeout * 1000:.0f}ms"],
            )
        elif connection.vendor == "mysql":
            # They count whole seconds, of which 0 is not one.
            seconds = max(1, round(lock_timeout)) if lock_timeout else 31536000
            cursor.execute(f"SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
            if connection.mysql_is_mariadb:
                cursor.execute(f"SET SESSION max_statement_time = {statement_timeout:f}")
            else:
                cursor.execute(f"SET SESSION max_execution_time = {statement_timeout * 1000:.0f}")
        elif connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA busy_timeout = {(lock_timeout or 86400) * 1000:.0f}")


def read_only(connection: Any) -> None:
    """A plan changes nothing, whatever an operation does when it is asked for its SQL."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET default_transaction_read_only = on")
        elif connection.vendor == "mysql":
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        elif connection.vendor == "sqlite":
            cursor.execute("PRAGMA query_only = ON")


class PostgresLock:
    """An advisory lock of the session: it ends with the process, however that ends."""

    kind = "pg_advisory_lock"
    key = int.from_bytes(hashlib.sha256(NAME.encode()).digest()[:8], "big", signed=True)

    def prepare(self, connection: Any, cursor: Any) -> None:
        cursor.execute("SELECT set_config('application_name', %s, false)", [f"{NAME} on {socket.gethostname()}"])
        if connection.pg_version >= 140000:
            cursor.execute("SET idle_session_timeout = 0")

    def take(self, cursor: Any) -> bool:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [self.key])
        return bool(cursor.fetchone()[0])

    def holder(self, cursor: Any) -> str:
        cursor.execute(
            "SELECT a.pid, a.application_name, date_trunc('second', now() - a.backend_start)::text FROM pg_locks l"
            " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND ((l.classid::bigint << 32) | l.objid::bigint) = %s"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [self.key],
        )
        row = cursor.fetchone()
        return f"'{row[1]}', process {row[0]} of the database, since {row[2]}" if row else "one that has just ended"


class MySQLLock:
    """A named lock of the server, which the session holds."""

    kind = "GET_LOCK"

    def prepare(self, connection: Any, _cursor: Any) -> None:
        database = str(connection.settings_dict["NAME"])
        self.name = f"trundle.migrations.{hashlib.sha256(database.encode()).hexdigest()[:16]}"

    def take(self, cursor: Any) -> bool:
        cursor.execute("SELECT GET_LOCK(%s, 0)", [self.name])
        return bool(cursor.fetchone()[0])

    def holder(self, cursor: Any) -> str:
        cursor.execute("SELECT IS_USED_LOCK(%s)", [self.name])
        row = cursor.fetchone()
        return f"connection {row[0]} of the database" if row and row[0] else "one that has just ended"


LOCKS: dict[str, type[PostgresLock | MySQLLock]] = {"postgresql": PostgresLock, "mysql": MySQLLock}


def lock_kind(vendor: str) -> str:
    lock = LOCKS.get(vendor)
    return str(lock.kind) if lock else "none"


@contextmanager
def one_at_a_time(connection: Any, wait: float) -> Iterator[None]:
    """Hold the database's lock of migrations; where it has none, whoever deploys takes care of that.

    On a connection of its own: a migration may close the other one.
    """
    if connection.vendor not in LOCKS:
        yield
        return
    lock = LOCKS[connection.vendor]()
    own = connection.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    try:
        with own.cursor() as cursor:
            lock.prepare(own, cursor)
            take(lock, cursor, wait)
        yield
    finally:
        own.close()


def take(lock: Any, cursor: Any, wait: float) -> None:
    deadline = time.monotonic() + wait
    while not lock.take(cursor):
        if time.monotonic() >= deadline:
            raise RefusedError(
                f"Another run migrates this database, and has not ended within {wait:g} s: {lock.holder(cursor)}. "
                "Wait for it, or end it, and run this again."
            )
        time.sleep(POLL)
