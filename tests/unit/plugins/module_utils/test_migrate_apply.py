# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that meet others: a second run, a long transaction, a database that goes away, an operation that fails."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.migrate import migrate
from ansible_collections.trundle.django.plugins.module_utils.migrate_lock import PostgresLock
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import on_hosts
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.migrations_shop import (
    Postgres,
    Shop,
    migration,
    newest_python,
)

pytestmark = on_hosts

NOTE = 'migrations.AddField("product", "note", models.TextField(null=True)),'
MORE = 'migrations.AddField("product", "more", models.TextField(null=True)),'


def columns(shop: Shop, postgres: Postgres) -> set[str]:
    rows = "SELECT column_name FROM information_schema.columns WHERE table_name = 'shop_product'"
    return set(postgres.sql(rows, shop.database["NAME"]).split())


@contextmanager
def session(postgres: Postgres, shop: Shop, sql: str, until: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another session, from when it is seen to be there."""
    process = subprocess.Popen(postgres.psql(sql, shop.database["NAME"]), stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: postgres.sql(until, shop.database["NAME"]) != "")
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def reader(seconds: float) -> dict[str, str]:
    """A transaction that has read the table, and stays open."""
    return {
        "sql": f"BEGIN; TABLE shop_product; SELECT pg_sleep({seconds}); COMMIT",
        "until": "SELECT 1 FROM pg_locks WHERE relation = 'shop_product'::regclass LIMIT 1",
    }


def test_runs_what_is_pending_and_then_nothing(shop: Shop, postgres: Postgres, linter: Path) -> None:
    release = shop.release("v2", _0002_note=NOTE)
    planned = migrate(shop.options(release, linter, dry_run=True))
    assert (planned["changed"], planned["pending"]) == (True, ["shop.0002_note"])
    assert 'ALTER TABLE "shop_product" ADD COLUMN "note" text NULL;' in planned["diff"]["after"]
    assert "note" not in columns(shop, postgres)
    result = migrate(shop.options(release, linter))
    assert [entry["migration"] for entry in result["applied"]] == ["shop.0002_note"]
    assert (result["lock"], result["retried"]) == ("pg_advisory_lock", [])
    assert "note" in columns(shop, postgres)
    again = migrate(shop.options(release, linter))
    assert (again["changed"], again["pending"]) == (False, [])


def test_planning_runs_nothing_of_a_migration(shop: Shop, postgres: Postgres, linter: Path) -> None:
    """Not what hides among operations on the database either, which Django's sqlmigrate does run."""
    operations = """migrations.SeparateDatabaseAndState(database_operations=[
        migrations.RunPython(lambda apps, editor: apps.get_model("shop", "product").objects.create(name="x")),
    ]),"""
    result = migrate(shop.options(shop.release("v2", _0002_data=operations), linter, dry_run=True))
    assert result["pending"] == ["shop.0002_data"]
    assert "(runs Python)" in result["diff"]["after"]
    assert postgres.sql("SELECT count(*) FROM shop_product", shop.database["NAME"]) == "0"


def test_f29_two_hosts_that_migrate_at_once_run_each_migration_once(
    shop: Shop, postgres: Postgres, linter: Path
) -> None:
    slow = 'migrations.RunSQL("SELECT pg_sleep(3)"),'
    release = shop.release("v2", _0002_slow=slow + NOTE)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _host: migrate(shop.options(release, linter)), range(2)))
    assert sorted(len(result["applied"]) for result in results) == [0, 1]
    assert sorted(result["changed"] for result in results) == [False, True]
    assert [result["pending"] for result in results] == [["shop.0002_slow"]] * 2
    rows = postgres.sql("SELECT count(*) FROM django_migrations WHERE name = '0002_slow'", shop.database["NAME"])
    assert rows == "1"


def test_f29_whoever_waits_in_vain_is_told_for_whom(shop: Shop, postgres: Postgres, linter: Path) -> None:
    release = shop.release("v2", _0002_note=NOTE)
    sql = f"SET application_name = 'the other one'; SELECT pg_advisory_lock({PostgresLock.key}); SELECT pg_sleep(60)"
    until = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
    with (
        session(postgres, shop, sql, until),
        pytest.raises(TrundleError, match=r"'the other one', process [0-9]+ of the"),
    ):
        migrate(shop.options(release, linter, lock_wait=0.5))
    assert "note" not in columns(shop, postgres)


def test_f31_readers_do_not_queue_behind_ddl_for_longer_than_the_lock_timeout(
    shop: Shop, postgres: Postgres, linter: Path
) -> None:
    release = shop.release("v2", _0002_note=NOTE)
    waits: list[float] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            started = time.monotonic()
            postgres.sql("SELECT count(*) FROM shop_product", shop.database["NAME"])
            waits.append(time.monotonic() - started)
            time.sleep(0.05)

    with session(postgres, shop, **reader(8)), ThreadPoolExecutor(1) as pool:
        others = pool.submit(read)
        try:
            result = migrate(shop.options(release, linter, lock_timeout=1, retries=6))
        finally:
            ended.set()
        others.result()
    assert [entry["migration"] for entry in result["applied"]] == ["shop.0002_note"]
    assert "lock timeout" in result["retried"][0]
    # Somebody did wait behind it, and nobody for much longer than it may wait itself.
    assert 0.5 < max(waits) < 2.5
    assert "note" in columns(shop, postgres)


def test_a_lock_that_is_never_had_is_given_up(shop: Shop, postgres: Postgres, linter: Path) -> None:
    release = shop.release("v2", _0002_note=NOTE)
    with session(postgres, shop, **reader(60)), pytest.raises(TrundleError) as caught:
        migrate(shop.options(release, linter, lock_timeout=0.3, retries=1))
    message = caught.value.message
    assert message.startswith("shop.0002_note did not get its lock in 2 attempts of 0.3 s each: ")
    assert message.endswith("Nothing of it is in the database.")
    assert caught.value.details["failed_migration"] == "shop.0002_note"
    assert "note" not in columns(shop, postgres)


def test_a_statement_that_takes_too_long_is_cancelled(shop: Shop, postgres: Postgres, linter: Path) -> None:
    release = shop.release("v2", _0002_slow=NOTE + 'migrations.RunSQL("SELECT pg_sleep(60)"),')
    with pytest.raises(
        TrundleError, match=r"A statement of shop.0002_slow took longer than 1 s and was cancelled. Raise"
    ):
        migrate(shop.options(release, linter, statement_timeout=1, retries=3))
    assert "note" not in columns(shop, postgres)


class TestHalfWay:
    """A migration whose second operation fails."""

    wrong = 'migrations.RunSQL("SELECT 1 / 0"),'

    def refusal(self, shop: Shop, linter: Path, text: str, **changes: Any) -> TrundleError:
        release = shop.release("v2", _0002_more=MORE, _0003_half=text)
        with pytest.raises(TrundleError) as caught:
            migrate(shop.options(release, linter, **changes))
        assert [entry["migration"] for entry in caught.value.details["applied"]] == ["shop.0002_more"]
        assert caught.value.details["failed_migration"] == "shop.0003_half"
        return caught.value

    def test_it_is_rolled_back(self, shop: Shop, postgres: Postgres, linter: Path) -> None:
        message = self.refusal(shop, linter, NOTE + self.wrong, retries=3).message
        assert message.startswith("shop.0003_half failed: django.db.utils.DataError: division by zero")
        assert message.endswith("Nothing of it is in the database.")
        assert columns(shop, postgres) >= {"more"}
        assert "note" not in columns(shop, postgres)

    def test_what_cannot_be_rolled_back_is_told_and_not_tried_again(
        self, shop: Shop, postgres: Postgres, linter: Path
    ) -> None:
        waits = 'migrations.RunSQL("ALTER TABLE shop_order ADD COLUMN x int"),'
        text = migration(NOTE + waits, after="0002_more", extra="atomic = False")
        held = {name: value.replace("shop_product", "shop_order") for name, value in reader(60).items()}
        with session(postgres, shop, **held):
            error = self.refusal(shop, linter, text, retries=3, lock_timeout=0.3)
        assert "did not get its lock in one attempt of 0.3 s" in error.message
        assert error.message.endswith("undo or complete that by hand before the next deploy.")
        assert error.details["retried"] == []
        assert "note" in columns(shop, postgres)


def test_f33_a_database_that_is_away_for_a_while_is_waited_for(
    tmp_path: Path, linter: Path, postgres_alone: Postgres
) -> None:
    """Before the plan, and again in the middle of a migration."""
    shop = Shop(tmp_path, newest_python(), postgres_alone.database())
    release = shop.release("v2", _0002_slow=NOTE + 'migrations.RunSQL("SELECT pg_sleep(4)"),')
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(4)%' AND state = 'active'"
    with ThreadPoolExecutor(1) as pool:
        postgres_alone.server("stop")
        result = pool.submit(migrate, shop.options(release, linter, retries=5))
        time.sleep(3)
        postgres_alone.server("start")
        wait_for(lambda: postgres_alone.sql(sleeping) != "")
        postgres_alone.server("stop")
        time.sleep(3)
        postgres_alone.server("start")
        applied = result.result()
    assert [entry["migration"] for entry in applied["applied"]] == ["shop.0002_slow"]
    assert applied["retried"]
    assert "note" in columns(shop, postgres_alone)
