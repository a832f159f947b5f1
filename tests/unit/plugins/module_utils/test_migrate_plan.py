# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running code does not survive: real migrations, on real databases, with each series of Django."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.migrate import migrate
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import on_hosts
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.migrations_shop import (
    PYTHONS,
    Postgres,
    Shop,
    newest_python,
    python_of,
)

pytestmark = on_hosts

STOCK = 'migrations.AddField("product", "stock", models.IntegerField({})),'
STOCK_DEFAULT = STOCK.format("default=1")
STATE_ALONE = """migrations.SeparateDatabaseAndState(state_operations=[
    migrations.RemoveField("product", "old"),
]),"""
WITH_DATABASE = """migrations.SeparateDatabaseAndState(
    state_operations=[],
    database_operations=[migrations.RemoveField("product", "old")],
),"""

# The operations, and what they break of code that has the models of 0001.
CASES = [
    pytest.param(STOCK.format("null=True"), [], id="nullable"),
    pytest.param(STOCK_DEFAULT, ["NOT_NULL shop_product.stock"], id="default-of-python"),
    pytest.param('migrations.RemoveField("product", "old"),', ["DROP_COLUMN shop_product.old"], id="remove"),
    pytest.param('migrations.RenameField("product", "old", "new"),', ["RENAME_COLUMN shop_product.old"], id="rename"),
    pytest.param(
        'migrations.DeleteModel("Order"),', ["DROP_TABLE shop_order", "DROP_TABLE shop_order_products"], id="drop"
    ),
    pytest.param(
        'migrations.RenameModel("Order", "Basket"),',
        [
            "RENAME_TABLE shop_order",
            "RENAME_TABLE shop_order_products",
        ],
        id="rename-model",
    ),
    pytest.param('migrations.AlterModelTable("Product", "items"),', ["RENAME_TABLE shop_product"], id="rename-table"),
    pytest.param('migrations.RemoveField("order", "products"),', ["DROP_TABLE shop_order_products"], id="many-to-many"),
    pytest.param('migrations.AlterField("product", "name", models.CharField(max_length=99)),', [], id="longer"),
    pytest.param(
        'migrations.AlterField("product", "price", models.DecimalField(max_digits=9, decimal_places=2, null=True)),',
        [],
        id="more-digits",
    ),
    pytest.param(
        'migrations.AlterField("product", "price", models.DecimalField(max_digits=6, decimal_places=2, default=0)),',
        ["NOT_NULL shop_product.price"],
        id="required",
    ),
    pytest.param('migrations.AlterField("product", "old", models.IntegerField(null=True)),', [], id="not-required"),
    pytest.param(
        'migrations.AddConstraint("product", models.UniqueConstraint(fields=["name"], name="once")),',
        ["ADD_UNIQUE shop_product"],
        id="unique",
    ),
    pytest.param(
        'migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True)),'
        ' ("name", models.CharField(max_length=9, unique=True))]),'
        'migrations.AddConstraint("tag", models.UniqueConstraint(fields=["name"], name="once")),',
        [],
        id="new-table",
    ),
    pytest.param('migrations.AddIndex("product", models.Index(fields=["name"], name="names")),', [], id="index"),
    pytest.param(STATE_ALONE, [], id="state-alone"),
    pytest.param(WITH_DATABASE, ["DROP_COLUMN shop_product.old"], id="database-alone"),
    pytest.param(
        'migrations.RunSQL("-- nothing\\ncreate table x (id int); drop table shop_order"),',
        ["DROP_TABLE shop_order"],
        id="sql",
    ),
    pytest.param("migrations.RunPython(migrations.RunPython.noop),", [], id="python"),
]
POSTGRESQL = [
    pytest.param('migrations.AlterField("product", "name", models.TextField()),', [], id="text"),
    pytest.param(
        'migrations.AlterField("product", "name", models.CharField(max_length=9)),',
        ["ALTER_COLUMN shop_product.name"],
        id="shorter",
    ),
    pytest.param(
        'migrations.AlterField("product", "old", models.CharField(max_length=9)),',
        ["ALTER_COLUMN shop_product.old"],
        id="type",
    ),
    pytest.param(
        'migrations.RunSQL("alter table shop_product\\n  drop column old"),',
        ["DROP_COLUMN shop_product"],
        id="drop-by-sql",
    ),
]


def breaking(shop: Shop, linter: Path, operations: str, **changes: Any) -> list[str]:
    release = shop.release("v2", _0002_next=operations)
    result = migrate(shop.options(release, linter, policy="maintenance", dry_run=True, **changes))
    assert result["pending"] == ["shop.0002_next"]
    return [
        f"{found['code']} {found['table'] or ''}.{found['column'] or ''}".rstrip(".") for found in result["breaking"]
    ]


@pytest.mark.parametrize(("operations", "expected"), [*CASES, *POSTGRESQL])
def test_postgresql(shop: Shop, linter: Path, operations: str, expected: list[str]) -> None:
    assert breaking(shop, linter, operations) == expected


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sqlite")
    shop = sqlite_shop(folder, newest_python())
    shop.manage(shop.release("v1"), "migrate", "-v", "0")
    return folder / "db"


def sqlite_shop(folder: Path, python: Path) -> Shop:
    return Shop(folder, python, {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db")})


# Where its SQL is another one: it makes tables anew.
ON_SQLITE = ("default-of-python", "remove", "rename-model", "many-to-many", "longer", "required")


@pytest.mark.parametrize(("operations", "expected"), [case for case in CASES if case.id in ON_SQLITE])
def test_sqlite(tmp_path: Path, sqlite_template: Path, linter: Path, operations: str, expected: list[str]) -> None:
    shutil.copy(sqlite_template, tmp_path)
    assert breaking(sqlite_shop(tmp_path, newest_python()), linter, operations) == expected


@pytest.mark.parametrize("series", PYTHONS)
def test_each_series_of_django(tmp_path: Path, postgres: Postgres, linter: Path, series: str) -> None:
    """Many operations, one after another, on what those before have left."""
    shop = Shop(tmp_path, python_of(series), postgres.database())
    operations = [
        case.values[0] for case in CASES if case.id in ("default-of-python", "remove", "many-to-many", "unique")
    ]
    assert breaking(shop, linter, "\n".join(operations)) == [
        "NOT_NULL shop_product.stock",
        "DROP_COLUMN shop_product.old",
        "DROP_TABLE shop_order_products",
        "ADD_UNIQUE shop_product",
    ]


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
def test_f30_not_null_with_a_default_of_python_is_refused(
    tmp_path: Path, postgres: Postgres, sqlite_template: Path, linter: Path, vendor: str
) -> None:
    """Django drops the default again; one of the database, beside it in the same migration, does not mend that."""
    shutil.copy(sqlite_template, tmp_path)
    shop = sqlite_shop(tmp_path, newest_python())
    if vendor == "postgresql":
        shop.database = postgres.database()
    kept = 'migrations.AddField("product", "kept", models.IntegerField(db_default=1)),'
    assert breaking(shop, linter, kept) == []
    assert breaking(shop, linter, STOCK_DEFAULT + kept) == ["NOT_NULL shop_product.stock"]
