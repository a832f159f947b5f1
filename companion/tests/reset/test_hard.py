# SPDX-License-Identifier: BSD-3-Clause
"""Tables made anew, on each database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError
from django.db import connections

from reset.mall_rows import count, execute, fill_crm, fill_shop, model, recorded, structure

Manage = Callable[..., str]
Install = Callable[..., None]
SHOP = ["0001_initial", "0002_seed", "0003_more", "0004_prices"]
FAILING = """
from django.db import migrations

def fail(apps, schema_editor):
    raise RuntimeError("no seeds today")

class Migration(migrations.Migration):
    dependencies = [("shop", "0004_prices")]
    operations = [migrations.RunPython(fail)]
"""
BIG = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("east", "0002_other")]
    operations = [migrations.AlterField("Sun", "id", models.BigAutoField(primary_key=True, serialize=False))]
"""
APART = """
from django.db import migrations

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0004_prices")]
    operations = [migrations.RunSQL("UPDATE shop_product SET price = 8")]
"""


def test_tables_are_made_anew(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "catalog", "shop", "plain")
    manage("migrate", database=database, run_syncdb=True)
    execute(database, "CREATE TABLE legacy_stock (code varchar(20) PRIMARY KEY)")
    execute(database, "INSERT INTO legacy_stock VALUES ('a')")
    fresh = structure(database)
    fill_shop(database)

    manage("reset_app", "shop", database=database, interactive=False)

    assert structure(database) == fresh
    assert recorded(database, "shop") == SHOP
    names = ("Product", "Tag", "Supplier", "Supply", "Book", "Note")
    # What the migrations put there, and nothing else.
    assert [count(f"shop.{name}", database) for name in names] == [1, 1, 0, 0, 0, 0]
    assert model("shop.Product").objects.using(database).get().price == 7
    assert count("shop.Stock", database) == 1
    assert count("catalog.Brand", database) == 1
    manage("migrate", database=database, check_unapplied=True)


def test_plan_comes_first(install: Install, vendor: str, database: str, manage: Manage) -> None:
    install("contenttypes", "catalog", "shop")
    manage("migrate", database=database)
    lines = manage("reset_app", "shop", database=database, interactive=False).splitlines()
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}[vendor]
    assert (
        lines[0] == f"Reset of shop in the {name} database {str(connections[database].settings_dict['NAME'])!r} (box)"
    )
    assert lines[1:12] == [
        "Drop these tables and all that is in them:",
        "  shop_book",
        "  shop_note",
        "  shop_product",
        "  shop_product_alike",
        "  shop_product_tags",
        "  shop_supplier",
        "  shop_supply",
        "  shop_tag",
        "Apply these migrations anew:",
        "  shop.0001_initial",
    ]
    whole = lines.index(
        "Not in one transaction: MariaDB cannot roll back changes of tables. "
        "If a step fails, mend its cause and run the command again."
        if vendor == "mariadb"
        else "All in one transaction."
    )
    assert lines[whole + 1 :] == [*(f"Applying shop.{name}" for name in SHOP), "Reset shop."]


def test_keys_of_other_apps(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "catalog", "shop", "crm", "auth", "labels")
    manage("migrate", database=database)
    fresh = structure(database)
    product = fill_shop(database)
    fill_crm(database, product)
    label = model("labels.Label").objects.using(database)
    label.create(target=product)
    model("labels.Sticker").objects.using(database).create(target=product)
    label.create(target=model("catalog.Brand").objects.using(database).get())

    with pytest.raises(CommandError) as refused:
        manage("reset_app", "shop", database=database, interactive=False)
    assert str(refused.value) == (
        "Other apps hold keys into these: crm.Basket.products, crm.Bundle.product_ptr, crm.Lead.hint, crm.Lead.wish, "
        "crm.Line.product, crm.Order.product, labels.Label.target (2 generic). Name these apps too, or add --cascade: "
        "keys that may be NULL are set to NULL, and rows whose keys may not are deleted."
    )
    assert count("shop.Supply", database) == 1

    lines = manage("reset_app", "shop", database=database, interactive=False, cascade=True).splitlines()

    start = lines.index("Set to NULL (--cascade):")
    assert lines[start : start + 11] == [
        "Set to NULL (--cascade):",
        "  crm.Lead.hint",
        "  crm.Lead.order",
        "  crm.Lead.wish",
        "Delete all rows of other apps' tables (--cascade):",
        "  crm_basket_products",
        "  crm_bundle",
        "  crm_line",
        "  crm_order",
        "Delete rows of other apps (--cascade):",
        "  labels.Label.target: 2 rows",
    ]
    assert structure(database) == fresh
    names = ("Order", "Line", "Lead", "Basket", "Bundle")
    assert [count(f"crm.{name}", database) for name in names] == [0, 0, 1, 1, 0]
    lead = model("crm.Lead").objects.using(database).get()
    assert (lead.name, lead.wish, lead.order, lead.hint_id) == ("ann", None, None, None)
    assert label.get().target == model("catalog.Brand").objects.using(database).get()
    connections[database].check_constraints()


def test_apps_that_hold_keys_into_one_another(install: Install, database: str, manage: Manage) -> None:
    install("east", "west")
    manage("migrate", database=database)
    fresh = structure(database)
    sun = model("east.Sun").objects.using(database).create()
    model("west.Moon").objects.using(database).create(other=sun)
    with pytest.raises(CommandError, match=r"hold keys into these: west\.Moon\.other\."):
        manage("reset_app", "east", database=database, interactive=False)

    manage("reset_app", "east", "west", "east", database=database, interactive=False)

    assert structure(database) == fresh
    assert (count("east.Sun", database), count("west.Moon", database)) == (0, 0)
    assert recorded(database, "west") == ["0001_initial", "0002_again"]
    model("west.Moon").objects.using(database).create(other=model("east.Sun").objects.using(database).create())
    manage("reset_app", "east", database=database, interactive=False, cascade=True)
    assert structure(database) == fresh
    assert model("west.Moon").objects.using(database).get().other is None


def test_a_key_that_a_migration_makes_anew(
    install: Install, database: str, manage: Manage, edition: Callable[..., str]
) -> None:
    """Its app is one that the migrations depend on, so they know the key and change it with its target."""
    install("east", "west", MIGRATION_MODULES={"east": edition("east", {"0003_big": BIG})})
    manage("migrate", database=database)
    fresh = structure(database)
    manage("reset_app", "east", database=database, interactive=False, cascade=True)
    assert structure(database) == fresh


def test_a_failure_undoes_all_where_the_database_can(
    install: Install, vendor: str, database: str, manage: Manage, edition: Callable[..., str]
) -> None:
    install("contenttypes", "catalog", "shop", "crm")
    manage("migrate", database=database)
    fresh = structure(database)
    fill_crm(database, fill_shop(database))
    install(
        "contenttypes", "catalog", "shop", "crm", MIGRATION_MODULES={"shop": edition("shop", {"0005_failing": FAILING})}
    )

    with pytest.raises(RuntimeError, match="no seeds today"):
        manage("reset_app", "shop", database=database, interactive=False, cascade=True)

    if vendor != "mariadb":
        assert structure(database) == fresh
        assert count("shop.Supply", database) == 1
        assert count("crm.Line", database) == 1
        assert recorded(database, "shop") == SHOP
    # Keys are checked again, and a second run mends what a first one has left.
    connections[database].check_constraints()
    install("contenttypes", "catalog", "shop", "crm")
    manage("reset_app", "shop", database=database, interactive=False, cascade=True)
    assert structure(database) == fresh
    assert count("shop.Supply", database) == 0


def test_migrations_that_are_not_atomic(
    install: Install, vendor: str, database: str, manage: Manage, edition: Callable[..., str]
) -> None:
    install("contenttypes", "catalog", "shop", MIGRATION_MODULES={"shop": edition("shop", {"0005_apart": APART})})
    manage("migrate", database=database)
    fresh = structure(database)
    fill_shop(database)
    text = manage("reset_app", "shop", database=database, interactive=False)
    reason = (
        "MariaDB cannot roll back changes of tables" if vendor == "mariadb" else "atomic = False in shop.0005_apart"
    )
    assert f"Not in one transaction: {reason}." in text
    assert structure(database) == fresh
    assert model("shop.Product").objects.using(database).get().price == 8


def test_migrations_that_were_edited(
    install: Install, database: str, manage: Manage, edition: Callable[..., str]
) -> None:
    """The tables are those of old migrations that are gone; the records know some that have no file."""
    install("contenttypes", "catalog", "shop")
    manage("migrate", database=database)
    fresh = structure(database)
    execute(database, "DROP TABLE shop_book")
    execute(database, "ALTER TABLE shop_supply ADD COLUMN gone integer")
    execute(database, "UPDATE django_migrations SET name = '0001_gone' WHERE app = 'shop' AND name = '0001_initial'")
    manage("reset_app", "shop", database=database, interactive=False)
    assert structure(database) == fresh
    assert recorded(database, "shop") == SHOP


def test_a_database_that_has_nothing_yet(install: Install, database: str, manage: Manage) -> None:
    install("east", "west")
    manage("reset_app", "east", "west", database=database, interactive=False)
    assert recorded(database, "east") == ["0001_initial", "0002_other"]
    assert count("west.Moon", database) == 0
