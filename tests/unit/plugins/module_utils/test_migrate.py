# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies, what is held against what, and the way back, on a real PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.migrate import Project, look_back, migrate
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import on_hosts
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.migrations_shop import MODELS, Postgres, Shop

pytestmark = on_hosts

NOTE = 'migrations.AddField("product", "note", models.TextField(null=True)),'
DROP = 'migrations.RemoveField("product", "old"),'
WITHOUT_OLD = MODELS.replace("    old = models.IntegerField(default=0)\n", "")


def columns(shop: Shop, postgres: Postgres) -> set[str]:
    rows = "SELECT column_name FROM information_schema.columns WHERE table_name = 'shop_product'"
    return set(postgres.sql(rows, shop.database["NAME"]).split())


class TestPolicies:
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_safe_refuses_what_breaks_with_all_that_helps(
        self, shop: Shop, postgres: Postgres, linter: Path, dry_run: bool
    ) -> None:
        first, second = shop.release("v1"), shop.release("v2", WITHOUT_OLD, _0002_note=NOTE, _0003_drop=DROP)
        with pytest.raises(TrundleError) as caught:
            migrate(shop.options(second, linter, running=first, dry_run=dry_run))
        message, details = caught.value.message, caught.value.details
        assert message.startswith(
            "Refused to migrate: the running code does not survive one operation. shop.0003_drop "
            "(shop/migrations/0003_drop.py, line 8; Remove field old from product): it drops the column 'old' of "
            "'shop_product', which the running code reads and writes. Deploy first a release that"
        )
        assert "'maintenance'" in message
        assert details["pending"] == ["shop.0002_note", "shop.0003_drop"]
        assert [found["code"] for found in details["breaking"]] == ["DROP_COLUMN"]
        # All or nothing: not the harmless one before it either.
        assert columns(shop, postgres) >= {"old"}
        assert "note" not in columns(shop, postgres)

    def test_a_column_that_the_running_code_does_not_know_any_more_is_dropped(
        self, shop: Shop, postgres: Postgres, linter: Path
    ) -> None:
        first, second = shop.release("v1", WITHOUT_OLD), shop.release("v2", WITHOUT_OLD, _0002_drop=DROP)
        result = migrate(shop.options(second, linter, running=first))
        assert (result["changed"], result["breaking"]) == (True, [])
        assert "old" not in columns(shop, postgres)

    @pytest.mark.parametrize(("policy", "warnings"), [("maintenance", 0), ("force", 1)])
    def test_others_run_it(self, shop: Shop, postgres: Postgres, linter: Path, policy: str, warnings: int) -> None:
        release = shop.release("v2", WITHOUT_OLD, _0002_drop=DROP)
        result = migrate(shop.options(release, linter, policy=policy))
        assert [found["code"] for found in result["breaking"]] == ["DROP_COLUMN"]
        assert len(result["warnings"]) == warnings
        assert "old" not in columns(shop, postgres)

    def test_skip_runs_nothing_and_says_so(self, shop: Shop, postgres: Postgres, linter: Path) -> None:
        release = shop.release("v2", _0002_note=NOTE)
        result = migrate(shop.options(release, linter, policy="skip"))
        assert (result["changed"], result["pending"]) == (False, ["shop.0002_note"])
        assert result["warnings"] == ["Left for you to run: shop.0002_note."]
        assert "note" not in columns(shop, postgres)

    def test_what_the_settings_leave_out_is_taken_as_checked(self, shop: Shop, linter: Path) -> None:
        release = shop.release("v2", WITHOUT_OLD, _0002_drop=DROP)
        settings = release / "site_settings.py"
        settings.write_text(settings.read_text() + 'MIGRATION_LINTER_OPTIONS = {"ignore_name": ["0002_drop"]}\n')
        assert migrate(shop.options(release, linter, dry_run=True))["breaking"] == []

    def test_a_database_that_nothing_runs_on(self, shop: Shop, postgres: Postgres, linter: Path) -> None:
        postgres.sql(f"CREATE DATABASE {shop.database['NAME']}_new")
        shop.database["NAME"] += "_new"
        release = shop.release("v2", WITHOUT_OLD, _0002_drop=DROP)
        result = migrate(shop.options(release, linter))
        assert [entry["migration"] for entry in result["applied"]] == ["shop.0001_first", "shop.0002_drop"]


class TestRefusals:
    """That a migration is pending and that something is wrong are two things; one exit status told both."""

    def refusal(self, shop: Shop, linter: Path, release: Path, **changes: Any) -> str:
        with pytest.raises(TrundleError) as caught:
            migrate(shop.options(release, linter, **changes))
        return caught.value.message

    def test_a_database_that_is_not_there(self, shop: Shop, linter: Path) -> None:
        shop.database["NAME"] = "nowhere"
        message = self.refusal(shop, linter, shop.release("v2"))
        assert message.startswith("Failed to plan the migrations: ")
        assert 'database "nowhere" does not exist' in message

    def test_code_that_does_not_import(self, shop: Shop, linter: Path) -> None:
        message = self.refusal(shop, linter, shop.release("v2", "import nothing_of_the_kind"))
        assert "No module named 'nothing_of_the_kind' (shop/models.py, line 1)" in message

    def test_two_last_migrations(self, shop: Shop, linter: Path) -> None:
        release = shop.release("v2", _0002_note=NOTE)
        other = (release / "shop/migrations/0002_note.py").read_text()
        (release / "shop/migrations/0002_other.py").write_text(other)
        assert "shop: 0002_note, 0002_other" in self.refusal(shop, linter, release)

    def test_an_applied_migration_whose_dependency_is_not(self, shop: Shop, postgres: Postgres, linter: Path) -> None:
        release = shop.release("v2", _0002_note=NOTE)
        row = "('shop', '0002_note', now())"
        postgres.sql(f"INSERT INTO django_migrations (app, name, applied) VALUES {row}", shop.database["NAME"])  # noqa: S608 (of the test itself)
        postgres.sql("DELETE FROM django_migrations WHERE name = '0001_first'", shop.database["NAME"])
        assert "InconsistentMigrationHistory" in self.refusal(shop, linter, release)

    def test_no_secret_is_told(self, shop: Shop, linter: Path) -> None:
        release = shop.release("v2", "import os\nraise ValueError(os.environ['SHOP_DATABASE'])")
        message = self.refusal(shop, linter, release)
        assert "ValueError: ********" in message
        assert json.dumps(shop.database) not in message

    def test_a_database_named_as_an_app_garbles_no_sql(self, tmp_path: Path) -> None:
        project = Project(tmp_path, environment={"SHOP_DATABASE": "catalog", "SECRET_KEY": "hunter2"})
        sql = "-- catalog.0001_first\nCREATE TABLE catalog_product; -- hunter2"
        hidden = project.hide(sql, shown=["catalog.0001_first"])
        assert hidden == "-- catalog.0001_first\nCREATE TABLE catalog_product; -- ********"


class TestF32WayBack:
    """Code goes back over migrations; the database does not."""

    def look(self, shop: Shop, linter: Path, *, back_from: Path, to: Path) -> dict[str, Any]:
        return look_back(shop.project(back_from), shop.project(to), linter)

    def test_f32_a_migration_that_the_old_code_cannot_run_on_is_named(self, shop: Shop, linter: Path) -> None:
        first, second = shop.release("v1"), shop.release("v2", WITHOUT_OLD, _0002_note=NOTE, _0003_drop=DROP)
        migrate(shop.options(second, linter, policy="force"))
        result = self.look(shop, linter, back_from=second, to=first)
        assert result["compatible"] is False
        assert result["ahead"] == ["shop.0002_note", "shop.0003_drop"]
        assert [cause[:14] for cause in result["causes"]] == ["shop.0003_drop"]
        assert "drops the column 'old' of 'shop_product', which the old code reads" in result["causes"][0]

    def test_f32_one_that_only_adds_does_not_stand_in_the_way(self, shop: Shop, linter: Path) -> None:
        first, second = shop.release("v1"), shop.release("v2", _0002_note=NOTE)
        migrate(shop.options(second, linter))
        result = self.look(shop, linter, back_from=second, to=first)
        assert (result["compatible"], result["ahead"]) == (True, ["shop.0002_note"])

    def test_f32_the_undone_half_of_a_drop_is_judged_by_the_code_to_go_back_to(self, shop: Shop, linter: Path) -> None:
        """v2 does not know the column any more, v3 drops it: there is a way back to v2, and none to v1."""
        first, second = shop.release("v1"), shop.release("v2", WITHOUT_OLD)
        third = shop.release("v3", WITHOUT_OLD, _0002_drop=DROP)
        migrate(shop.options(third, linter, running=second))
        assert self.look(shop, linter, back_from=third, to=second)["compatible"] is True
        assert self.look(shop, linter, back_from=third, to=first)["compatible"] is False

    def test_f32_a_migration_whose_file_is_gone_is_named(self, shop: Shop, linter: Path) -> None:
        first, second = shop.release("v1"), shop.release("v2", _0002_note=NOTE)
        migrate(shop.options(shop.release("v3", _0002_note=NOTE, _0003_drop=DROP), linter, policy="force"))
        result = self.look(shop, linter, back_from=second, to=first)
        assert result["strangers"] == ["shop.0003_drop"]
        assert result["causes"][0].startswith("shop.0003_drop: no code that is here has its file")

    def test_old_rows_of_squashed_migrations_do_not_stand_in_the_way(
        self, shop: Shop, postgres: Postgres, linter: Path
    ) -> None:
        release = shop.release("v1")
        rows = "('shop', '0000_before', now() - interval '1 year'), ('gone', '0009_x', now())"
        postgres.sql(f"INSERT INTO django_migrations (app, name, applied) VALUES {rows}", shop.database["NAME"])  # noqa: S608 (of the test itself)
        assert self.look(shop, linter, back_from=release, to=release)["compatible"] is True
