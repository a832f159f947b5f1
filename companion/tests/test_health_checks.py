# SPDX-License-Identifier: BSD-3-Clause
"""The checks that are ready to use, and what a project can say of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import run_checks as run_system_checks
from django.core.management import call_command
from django.db import connections
from django.test import Client

from trundle.health import CacheCheck, Check, CheckFailed, DatabaseCheck, ManifestCheck, MigrationsCheck, run
from trundle.health.conf import read_config
from trundle.health.migrations import names_on_disk
from trundle.health.run import run_checks

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
MIGRATION = """from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [{dependencies}]
    replaces = [{replaces}]
    operations = [migrations.RunPython(migrations.RunPython.noop)]
"""


@pytest.fixture
def crates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configure) -> Iterator[Path]:
    """The folder of an app's migrations, 0001_one and 0002_two, over an empty database."""
    folder = tmp_path / "apps" / "crates" / "migrations"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder):
        (package / "__init__.py").touch()
    write(folder, "0001_one")
    write(folder, "0002_two", "('crates', '0001_one')")
    (folder / "_helpers.py").touch()
    (folder / "parts").mkdir()
    (folder / "parts" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder.parents[1]))
    connections["default"].close()
    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "crates.sqlite3"))
    configure(INSTALLED_APPS=["django.contrib.staticfiles", "trundle", "crates"])
    yield folder
    connections["default"].close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "crates"]:
        del sys.modules[name]


def write(folder: Path, name: str, dependencies: str = "", replaces: str = "") -> None:
    (folder / f"{name}.py").write_text(MIGRATION.format(dependencies=dependencies, replaces=replaces))


def migrate() -> None:
    call_command("migrate", verbosity=0)
    connections["default"].close()


def failure(check: Check) -> str | None:
    try:
        check.run()
    except CheckFailed as exc:
        return str(exc)
    return None


class TestMigrations:
    def test_pending_ones_are_a_warning(self, client: Client, crates: Path) -> None:
        for view in ("ready", "balancer"):
            response = client.get(f"/health/{view}/")
            assert response.status_code == 200
            found = response.json()["checks"]["migrations"]
            assert found["status"] == "warning"
            assert found["error"] == "2 migrations are not applied; see `manage.py showmigrations`"

    def test_applied(self, crates: Path) -> None:
        migrate()
        assert failure(MigrationsCheck()) is None
        write(crates, "0003_three", "('crates', '0002_two')")
        found = failure(MigrationsCheck())
        assert found is not None
        assert found.startswith("1 migration is not applied")

    def test_applied_ones_import_no_migration(self, crates: Path) -> None:
        """They would stay in the memory of each process."""
        migrate()
        for name in [name for name in sys.modules if name.startswith("crates.")]:
            del sys.modules[name]
        assert failure(MigrationsCheck()) is None
        assert not [name for name in sys.modules if name.startswith("crates.migrations.")]

    def test_what_is_replaced_and_applied_is_not_pending(self, crates: Path) -> None:
        migrate()
        write(crates, "0001_both", "", "('crates', '0001_one'), ('crates', '0002_two')")
        assert failure(MigrationsCheck()) is None

    def test_migrations_of_a_newer_release_do_no_harm(self, crates: Path) -> None:
        migrate()
        (crates / "0002_two.py").unlink()
        assert failure(MigrationsCheck()) is None

    def test_the_names_are_djangos(self, crates: Path, configure) -> None:
        assert names_on_disk() == {("crates", "0001_one"), ("crates", "0002_two")}
        for module in (None, "no.such", "crates.no_such", "crates.migrations.0001_one"):
            configure(MIGRATION_MODULES={"crates": module})
            assert names_on_disk() == set()

    def test_a_folder_without_init_has_none(self, crates: Path) -> None:
        (crates / "__init__.py").unlink()
        assert names_on_disk() == set()

    def test_a_lost_database_is_expected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connections["default"].close()
        monkeypatch.setitem(connections.settings["default"], "NAME", "/nonexistent/folder/db.sqlite3")
        assert failure(MigrationsCheck()) == "the database does not answer (OperationalError)"

    def test_asked_rarely(self) -> None:
        assert [runner.reuse for runner in run._runners()] == [1.0, 1.0, 30.0]


class Forgetful(LocMemCache):
    """As Memcached does when it has no room."""

    def set(self, *args: Any, **kwargs: Any) -> None:
        return None


class TestCache:
    def use(self, configure, backend: str, **more: Any) -> None:
        configure(CACHES={"default": {"BACKEND": backend, **more}})

    def test_keeps_what_it_is_given_and_is_left_as_it_was(self, configure) -> None:
        self.use(configure, LOCMEM, LOCATION="health")
        assert failure(CacheCheck()) is None
        assert not cache._cache  # type: ignore[attr-defined]  # that of a backend in memory

    def test_does_not_keep_it(self, configure) -> None:
        self.use(configure, "test_health_checks.Forgetful")
        assert failure(CacheCheck()) == "the cache does not keep what it is given"

    def test_the_dummy_is_what_it_is(self, configure) -> None:
        self.use(configure, "django.core.cache.backends.dummy.DummyCache")
        assert failure(CacheCheck()) is None

    def test_a_server_that_is_not_there(self, client: Client, configure, caplog: pytest.LogCaptureFixture) -> None:
        self.use(configure, "django.core.cache.backends.redis.RedisCache", LOCATION="redis://:hunter2@127.0.0.1:1")
        configure(TRUNDLE_HEALTH={"CHECKS": [CacheCheck], "TIMEOUT": 30})
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response.json()["checks"]["cache"]["error"] == "the cache does not answer (ConnectionError)"
        assert "hunter2" not in response.content.decode()
        assert "127.0.0.1:1" in caplog.text


class Odd(CacheCheck):
    name = "odd"

    def __init__(self) -> None:
        super().__init__("sessions")


class Replica(DatabaseCheck):
    name = "replica"

    def __init__(self) -> None:
        super().__init__("replica")


class Told(Check):
    name = "told"
    warning = True

    def run(self) -> None:
        raise CheckFailed("the disk is nearly full")


class Awaited(Check):
    name = "awaited"

    def __init__(self) -> None:
        self.turns = 0

    # Check.run may be either, which pylint has no word for.
    async def run(self) -> None:  # pylint: disable=invalid-overridden-method  # either will do
        await asyncio.sleep(0)
        self.turns += 1
        if self.turns > 1:
            raise CheckFailed("twice is too often")


class TestSettings:
    def test_the_default_checks(self) -> None:
        assert [type(check) for check in read_config().checks] == [DatabaseCheck, ManifestCheck, MigrationsCheck]

    def test_a_project_without_a_database_has_none_to_look_at(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(connections.settings["default"], "ENGINE", "django.db.backends.dummy")
        response = client.get("/health/ready/")
        assert response.status_code == 200
        assert list(response.json()["checks"]) == ["manifest"]

    @pytest.mark.parametrize(
        ("check", "message"),
        [
            (Replica, "DATABASES has no 'replica'. Define it, or give the check 'replica' an alias that is there."),
            (Odd, "CACHES has no 'sessions'. Define it, or give the check 'odd' an alias that is there."),
        ],
    )
    def test_an_alias_that_is_not_there_is_seen_at_start(self, configure, check: type[Check], message: str) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": [check]})
        assert message in str({found.id: found for found in run_system_checks(tags=["trundle"])}["trundle.E006"])

    def test_a_warning_costs_no_traffic(self, client: Client, configure) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": [Told]})
        response = client.get("/health/ready/")
        assert response.status_code == 200
        body = response.json()
        assert (body["status"], body["checks"]["told"]["status"]) == ("ok", "warning")
        assert body["checks"]["told"]["error"] == "the disk is nearly full"

    def test_a_check_may_be_async(self, configure) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": [Awaited()], "REUSE": 0})
        assert [run_checks(tolerant=False)["awaited"].error for _turn in range(2)] == [None, "twice is too often"]

    def test_a_check_says_for_how_long_it_holds(self, configure) -> None:
        awaited = Awaited()
        awaited.reuse = 30
        configure(TRUNDLE_HEALTH={"CHECKS": [awaited], "REUSE": 0})
        for _turn in range(3):
            run_checks(tolerant=False)
        assert awaited.turns == 1

    def test_a_failure_that_goes_on_is_logged_once(self, configure, caplog: pytest.LogCaptureFixture) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": [Told], "REUSE": 0})
        for _turn in range(5):
            run_checks(tolerant=False)
        records = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(records) == 1
