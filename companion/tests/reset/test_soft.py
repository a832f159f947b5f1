# SPDX-License-Identifier: BSD-3-Clause
"""One initial migration in place of many."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from reset.mall_rows import count, execute, fill_crm, fill_shop, recorded, structure

Manage = Callable[..., str]
Install = Callable[..., None]
Edition = Callable[..., str]
AddDatabase = Callable[..., str]
OLD = ["0001_initial", "0002_seed", "0003_more", "0004_prices"]
CUSTOM = """
from django.contrib.postgres.operations import CreateExtension
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("shop", "0004_prices")]
    operations = [
        migrations.RunSQL(
            [("UPDATE shop_product SET price = %s WHERE title = 'a title that is long, and longer'", [1])],
        ),
        migrations.RunSQL([]),
        CreateExtension("hstore"),
    ]
"""


@pytest.fixture
def shop(install: Install, edition: Edition) -> tuple[Path, Callable[..., None]]:
    """The folder of the shop's migrations, and what installs apps with these."""
    module = edition("shop")

    def install_(*labels: str, **values: Any) -> None:
        install("contenttypes", "catalog", "shop", *labels, MIGRATION_MODULES={"shop": module}, **values)

    install_()
    return Path(str(importlib.import_module(module).__file__)).parent, install_


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")


def test_migrations_are_replaced(
    shop: tuple[Path, Install], database: str, add_database: AddDatabase, vendor: str, manage: Manage
) -> None:
    folder, install = shop
    install("crm")
    old = {path.name: path.read_text() for path in sorted(folder.glob("0*.py"))}
    manage("migrate", database=database)
    fresh = structure(database)
    fill_crm(database, fill_shop(database))

    lines = manage("reset_app", "shop", database=database, soft=True, interactive=False).splitlines()

    aside = folder / "_replaced_by_0005_initial"
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}[vendor]
    assert lines[0] == (
        f"Soft reset of shop in the {name} database {str(connections[database].settings_dict['NAME'])!r} (box)"
    )
    assert lines[1:] == [
        f"shop: write {folder / '0005_initial.py'} and record it as applied",
        "shop: move aside",
        *(f"  {folder / name} -> {aside / name}" for name in old),
        "shop: these operations are lost, so a new database will be without what they did",
        "  shop.0002_seed: RunPython seed",
        "  shop.0004_prices: RunSQL UPDATE shop_product SET price = 7 WHERE title = 'sample'",
        "  shop.0004_prices: RunSQL UPDATE shop_product SET price = price + 0",
        "No table is touched.",
        "Warning: any other database that has the old migrations of shop, a deployed one for example, will have ghost "
        "migrations too. It must have all of them (up to 0004_prices) before it gets the new files; then this records "
        "the new one there: manage.py migrate shop",
        "Replaced the migrations of shop.",
    ]
    assert names(folder) == ["0005_initial.py", "__init__.py", aside.name]
    assert {path.name: path.read_text() for path in aside.iterdir()} == old
    # No row is lost, and Django has nothing to do.
    assert structure(database) == fresh
    assert count("shop.Supply", database) == 1
    assert recorded(database, "shop") == [*OLD, "0005_initial"]
    manage("migrate", database=database, check_unapplied=True)
    assert "[X] 0005_initial (4 squashed migrations)" in manage("showmigrations", "shop", database=database)
    # A new database gets the same tables, though migrations of crm depend on those that are gone.
    new = add_database(vendor, "new")
    manage("migrate", database=new)
    assert structure(new) == fresh
    assert count("shop.Tag", new) == 0
    # And a hard reset works on.
    manage("reset_app", "shop", database=database, interactive=False, cascade=True)
    assert structure(database) == fresh
    assert recorded(database, "shop") == [*OLD, "0005_initial"]
    assert count("shop.Supply", database) == 0


def test_models_are_as_before(shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage) -> None:
    """Makemigrations finds no more to do than it did before."""
    box = add_database("sqlite")
    manage("migrate", database=box)
    before = manage("makemigrations", "shop", dry_run=True)
    assert before == "No changes detected in app 'shop'\n"
    manage("reset_app", "shop", database=box, soft=True, interactive=False)
    assert manage("makemigrations", "shop", dry_run=True) == before


def test_again(shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage) -> None:
    """The numbers go on, and other apps may depend on the very first ones still."""
    folder, install = shop
    install("crm")
    box = add_database("sqlite")
    manage("migrate", database=box)
    manage("reset_app", "shop", database=box, soft=True, interactive=False)
    with pytest.raises(CommandError, match="^shop has one migration only, 0005_initial: there is nothing to replace"):
        manage("reset_app", "shop", database=box, soft=True, interactive=False)
    manage("makemigrations", "shop", empty=True, name="later")
    manage("migrate", database=box)
    manage("reset_app", "shop", database=box, soft=True, interactive=False)
    assert names(folder)[0] == "0007_initial.py"
    assert recorded(box, "shop") == [*OLD, "0005_initial", "0006_later", "0007_initial"]
    manage("migrate", database=box, check_unapplied=True)
    new = add_database("sqlite", "new")
    manage("migrate", database=new)
    assert structure(new) == structure(box)


def test_old_names_go_in_the_end(shop: tuple[Path, Install], database: str, manage: Manage) -> None:
    folder, _database = shop
    manage("migrate", database=database)
    manage("reset_app", "shop", database=database, soft=True, interactive=False)
    new = folder / "0005_initial.py"
    lines = [line for line in new.read_text().splitlines() if not line.strip().startswith("replaces = ")]
    # Of another length, so that no bytecode of the same second stands in for it.
    new.write_text("\n".join(lines))
    manage("migrate", "shop", prune=True, database=database)
    assert recorded(database, "shop") == ["0005_initial"]
    manage("migrate", database=database, check_unapplied=True)


def test_other_databases(shop: tuple[Path, Install], database: str, add_database: AddDatabase, manage: Manage) -> None:
    folder, _database = shop
    whole, part, none = (add_database("sqlite", alias) for alias in ("whole", "part", "none"))
    for alias in (database, whole, part, none):
        manage("migrate", "contenttypes", database=alias)
    for alias in (database, whole):
        manage("migrate", database=alias)
    manage("migrate", "shop", "0002_seed", database=part)

    text = manage("reset_app", "shop", database=database, soft=True, interactive=False)

    mend = "manage.py migrate shop --database="
    assert (
        "Warning: The database 'whole' will have ghost migrations of shop: the old ones, whose files go. "
        f"This records the new one there afterwards: {mend}whole\n"
    ) in text
    assert (
        "Warning: The database 'part' will have ghost migrations of shop: it has some of the old ones, but not "
        f"0003_more, 0004_prices. Apply these before the old files go: {mend}part (the same command again afterwards "
        "records the new one)\n"
    ) in text
    assert "'none'" not in text
    # The command mends the database.
    assert recorded(whole, "shop") == OLD
    before = structure(whole)
    manage("migrate", "shop", database=whole)
    assert recorded(whole, "shop") == [*OLD, "0005_initial"]
    assert structure(whole) == before
    # As it does the other, with the old files still there and again without.
    new, aside = folder / "0005_initial.py", folder / "_replaced_by_0005_initial"
    new.rename(folder / "kept")
    for path in sorted(aside.iterdir()):
        path.rename(folder / path.name)
    manage("migrate", "shop", database=part)
    for name in OLD:
        (folder / f"{name}.py").rename(aside / f"{name}.py")
    (folder / "kept").rename(new)
    manage("migrate", "shop", database=part)
    assert recorded(part, "shop") == [*OLD, "0005_initial"]
    assert structure(part) == before


def test_database_that_does_not_answer(shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage) -> None:
    box, away = add_database("sqlite"), add_database("sqlite", "away")
    connections[away].settings_dict["NAME"] = "/nowhere/at/all"
    manage("migrate", database=box)
    text = manage("reset_app", "shop", database=box, soft=True, interactive=False)
    assert "The database 'away' could not be asked for its migrations of shop: OperationalError" in text


def test_other_operations_are_lost(
    install: Install, edition: Edition, add_database: AddDatabase, manage: Manage
) -> None:
    module = edition("shop", {"0005_custom": CUSTOM})
    install("contenttypes", "catalog", "shop", MIGRATION_MODULES={"shop": module})
    box = add_database("sqlite")
    manage("migrate", database=box)
    lines = manage("reset_app", "shop", database=box, soft=True, interactive=False).splitlines()
    sql = "UPDATE shop_product SET price = %s WHERE title = 'a title that is long, and longer'"
    start = lines.index(f"  shop.0005_custom: RunSQL {sql[:57]}...")
    assert lines[start + 1 : start + 3] == [
        "  shop.0005_custom: RunSQL (nothing)",
        "  shop.0005_custom: CreateExtension: Creates extension hstore",
    ]


def test_not_all_are_applied(shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage) -> None:
    folder, _database = shop
    box = add_database("sqlite")
    manage("migrate", "shop", "0003_more", database=box)
    before = names(folder)
    with pytest.raises(CommandError) as refused:
        manage("reset_app", "shop", database=box, soft=True, interactive=False)
    assert str(refused.value) == (
        "Migrations of shop are not applied to the database 'box' yet: 0004_prices. "
        "Apply them first: manage.py migrate shop --database=box"
    )
    assert names(folder) == before


def test_the_answer_is_no(
    shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _database = shop
    box = add_database("sqlite")
    manage("migrate", database=box)
    before = names(folder)
    monkeypatch.setattr(builtins, "input", lambda prompt: "no")
    assert manage("reset_app", "shop", database=box, soft=True).endswith("Nothing was changed.\n")
    assert names(folder) == before
    assert recorded(box, "shop") == OLD


def test_a_failure_undoes_all(
    shop: tuple[Path, Install], database: str, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _database = shop
    manage("migrate", database=database)
    before = names(folder)
    record = MigrationRecorder.record_applied

    def fail(self: MigrationRecorder, app: str, name: str) -> None:
        record(self, app, name)
        raise RuntimeError("the database went away")

    monkeypatch.setattr(MigrationRecorder, "record_applied", fail)
    with pytest.raises(RuntimeError, match="went away"):
        manage("reset_app", "shop", database=database, soft=True, interactive=False)
    assert names(folder) == before
    assert recorded(database, "shop") == OLD


def test_files_cannot_be_moved(shop: tuple[Path, Install], add_database: AddDatabase, manage: Manage) -> None:
    folder, _database = shop
    box = add_database("sqlite")
    manage("migrate", database=box)
    (folder / "_replaced_by_0005_initial").write_text("in the way")
    before = names(folder)
    with pytest.raises(
        CommandError, match="^Failed to replace the migration files, so all is as before: .*File exists"
    ):
        manage("reset_app", "shop", database=box, soft=True, interactive=False)
    assert names(folder) == before
    assert recorded(box, "shop") == OLD


def test_keys_into_one_another(install: Install, edition: Edition, add_database: AddDatabase, manage: Manage) -> None:
    modules = {label: edition(label) for label in ("east", "west")}
    install("east", "west", MIGRATION_MODULES=modules)
    box = add_database("sqlite")
    manage("migrate", database=box)
    with pytest.raises(CommandError, match="one initial migration of east has no place in the order: "):
        manage("reset_app", "east", database=box, soft=True, interactive=False)
    with pytest.raises(CommandError, match="one initial migration of east, west has no place in the order: "):
        manage("reset_app", "east", "west", database=box, soft=True, interactive=False)


def test_several_apps_one_of_them_without_models(
    install: Install, edition: Edition, add_database: AddDatabase, manage: Manage
) -> None:
    made = "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
    first = made + "    operations = [migrations.CreateModel('Brick', [('id', models.AutoField(primary_key=True))])]\n"
    second = made + "    dependencies = [('plain', '0001_first')]\n    operations = [migrations.DeleteModel('Brick')]\n"
    plain = edition("catalog", {"0001_initial": None, "0001_first": first, "0002_second": second})
    shop, crm = edition("shop"), edition("crm")
    modules = {"plain": plain, "shop": shop, "crm": crm}
    install("contenttypes", "catalog", "shop", "crm", "plain", MIGRATION_MODULES=modules)
    box = add_database("sqlite")
    manage("migrate", database=box)
    manage("reset_app", "crm", "shop", "plain", database=box, soft=True, interactive=False)
    assert [recorded(box, label)[-1] for label in ("plain", "shop", "crm")] == [
        "0003_initial",
        "0005_initial",
        "0003_initial",
    ]
    manage("migrate", database=box, check_unapplied=True)
    new = add_database("sqlite", "new")
    manage("migrate", database=new)
    assert structure(new) == structure(box)


def test_setting_that_names_a_model(
    install: Install, edition: Edition, add_database: AddDatabase, manage: Manage
) -> None:
    module = edition("labels")
    install("contenttypes", "auth", "labels", MIGRATION_MODULES={"labels": module})
    box = add_database("sqlite")
    manage("migrate", database=box)
    manage("reset_app", "labels", database=box, soft=True, interactive=False)
    text = Path(str(importlib.import_module(f"{module}.0003_initial").__file__)).read_text()
    assert "migrations.swappable_dependency(settings.AUTH_USER_MODEL)" in text
    manage("migrate", database=box, check_unapplied=True)


def test_an_early_migration_of_an_app_that_came_to_need_it(
    install: Install, edition: Edition, add_database: AddDatabase, manage: Manage
) -> None:
    """And what a squashed migration has replaced goes with it, recorded or not."""
    squashed = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    replaces = [("west", "0001_initial"), ("west", "0002_again")]
    dependencies = [("east", "0001_initial")]
    operations = [
        migrations.CreateModel("Moon", [("id", models.AutoField(primary_key=True))]),
        migrations.AddField(
            "Moon", "other", models.ForeignKey("east.Sun", models.CASCADE, null=True, related_name="+")
        ),
    ]
"""
    later = "from django.db import migrations\nclass Migration(migrations.Migration):\n"
    later += "    dependencies = [('west', '0001_squashed')]\n"
    module = edition("west", {"0001_squashed": squashed, "0003_later": later})
    install("east", "west", MIGRATION_MODULES={"west": module})
    box = add_database("sqlite")
    manage("migrate", database=box)
    execute(box, "DELETE FROM django_migrations WHERE name = '0001_squashed'")
    manage("reset_app", "west", database=box, soft=True, interactive=False)
    names = ["0001_initial", "0001_squashed", "0002_again", "0003_later", "0004_initial"]
    assert recorded(box, "west") == names
    manage("migrate", database=box, check_unapplied=True)
    new = add_database("sqlite", "new")
    manage("migrate", database=new)
    assert structure(new) == structure(box)
