# SPDX-License-Identifier: BSD-3-Clause
"""What is asked for and refused before anything is changed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connections

from reset.mall_rows import count, execute, model, recorded, structure

Manage = Callable[..., str]
Install = Callable[..., None]
Edition = Callable[..., str]


@pytest.fixture
def lite(add_database: Callable[..., str]) -> str:
    return add_database("sqlite")


@pytest.fixture
def filled(install: Install, lite: str, manage: Manage) -> str:
    """A database that a refused reset leaves as it is."""
    install("east", "west")
    manage("migrate", database=lite)
    model("east.Sun").objects.using(lite).create()
    return lite


def refused(manage: Manage, *labels: str, **options: Any) -> str:
    with pytest.raises(CommandError) as caught:
        manage("reset_app", *labels, interactive=False, **options)
    return str(caught.value)


def test_unknown_database(manage: Manage, filled: str) -> None:
    text = refused(manage, "east", database="bax")
    assert text == "No database is called 'bax' in DATABASES; these are: box, default."


def test_unknown_app(manage: Manage, filled: str) -> None:
    text = refused(manage, "est", database=filled)
    assert text == "No installed app has the label 'est'; these are installed: east, staticfiles, trundle, west."


def test_app_without_migrations(manage: Manage, install: Install, lite: str) -> None:
    install("plain")
    text = refused(manage, "plain", database=lite)
    assert text == "plain has no migrations; make them first: manage.py makemigrations plain"


def test_migrations_with_two_ends(manage: Manage, install: Install, edition: Edition, filled: str) -> None:
    other = "from django.db import migrations\nclass Migration(migrations.Migration):\n"
    other += "    dependencies = [('west', '0001_initial')]\n"
    install("east", "west", MIGRATION_MODULES={"west": edition("west", {"0002_mine": other})})
    text = refused(manage, "east", "west", database=filled)
    assert text == (
        "The migrations of west end in several (0002_again, 0002_mine); join them first: "
        "manage.py makemigrations --merge west"
    )


@pytest.mark.parametrize("soft", [False, True])
def test_debug_is_off(manage: Manage, install: Install, filled: str, soft: bool) -> None:
    install("east", "west", DEBUG=False)
    name = connections[filled].settings_dict["NAME"]
    text = refused(manage, "east", "west", database=filled, soft=soft)
    assert text == (
        f"DEBUG is off, so this may be a database that people use. If you mean it, add: --i-know-this-is {name}"
    )
    text = refused(manage, "east", "west", database=filled, soft=soft, known_as="shop")
    assert text == f"The database 'box' is {name!r}, not 'shop' as --i-know-this-is says."
    assert count("east.Sun", filled) == 1


def test_database_is_named(manage: Manage, install: Install, filled: str) -> None:
    install("east", "west", DEBUG=False)
    name = connections[filled].settings_dict["NAME"]
    manage("reset_app", "east", "west", f"--i-know-this-is={name}", "--noinput", database=filled)
    assert count("east.Sun", filled) == 0


def test_database_is_named_wrongly_in_development(manage: Manage, filled: str) -> None:
    assert "not 'shop' as --i-know-this-is says" in refused(manage, "east", database=filled, known_as="shop")


def test_soft_and_cascade(manage: Manage, filled: str) -> None:
    with pytest.raises(CommandError, match="not allowed with argument"):
        manage("reset_app", "east", "--soft", "--cascade")


@pytest.mark.parametrize(("answer", "left"), [("yes", 0), ("y", 1), ("", 1)])
def test_question(manage: Manage, filled: str, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    asked: list[str] = []
    monkeypatch.setattr(builtins, "input", lambda prompt: asked.append(prompt) or answer)
    text = manage("reset_app", "east", "west", database=filled)
    assert asked == ["Type 'yes' to do this: "]
    assert ("Nothing was changed." in text) == bool(left)
    assert count("east.Sun", filled) == left


def test_nobody_to_ask(manage: Manage, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", gone)
    with pytest.raises(CommandError, match="Add --noinput"):
        manage("reset_app", "east", "west", database=filled)
    assert count("east.Sun", filled) == 1


def test_what_they_depend_on_is_not_applied(manage: Manage, filled: str) -> None:
    execute(filled, "DELETE FROM django_migrations WHERE app = 'west'")
    text = refused(manage, "east", database=filled)
    assert text == (
        "The migrations depend on some that are not applied: west.0001_initial. "
        "Apply these first by manage.py migrate, or name their apps too."
    )
    # The records of west are of no use then, and the tables are still found.
    manage("reset_app", "east", "west", database=filled, interactive=False)
    assert recorded(filled, "west") == ["0001_initial", "0002_again"]


def test_keys_of_tables_without_a_model(manage: Manage, filled: str) -> None:
    execute(filled, "CREATE TABLE handmade (sun integer REFERENCES east_sun (id))")
    before = structure(filled)
    text = refused(manage, "east", "west", database=filled, cascade=True)
    assert text == (
        "Tables that no app's migrations manage hold foreign keys into these: handmade.sun. "
        "Drop the tables or these constraints by hand first."
    )
    assert structure(filled) == before


def test_tables_that_were_handed_on(manage: Manage, install: Install, edition: Edition, filled: str) -> None:
    """A migration makes a table that is another's by now."""
    head = "from django.db import migrations, models\nclass Migration(migrations.Migration):\n"
    made = (
        head
        + """
    dependencies = [("west", "0002_again")]
    operations = [
        migrations.CreateModel("Star", [("id", models.AutoField(primary_key=True))], options={"db_table": "star"}),
    ]
"""
    )
    handed = (
        head
        + """
    dependencies = [("west", "0003_star")]
    operations = [migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Star")])]
"""
    )
    module = edition("west", {"0003_star": made, "0004_handed": handed})
    install("east", "west", MIGRATION_MODULES={"west": module})
    manage("migrate", database=filled)
    text = refused(manage, "west", "east", database=filled)
    assert text == (
        "west.0003_star would make the table star, which exists and is not west's now. "
        "Rename or drop that table first, or name the app that it belongs to."
    )


def test_migrations_that_do_not_fit(manage: Manage, install: Install, edition: Edition, filled: str) -> None:
    gone = "from django.db import migrations\nclass Migration(migrations.Migration):\n"
    gone += "    dependencies = [('east', '0002_other')]\n    operations = [migrations.DeleteModel('Sun')]\n"
    install("east", "west", MIGRATION_MODULES={"east": edition("east", {"0003_gone": gone})})
    text = refused(manage, "east", database=filled, cascade=True)
    assert text.startswith("The migrations that will be applied do not fit together: The field west.Moon.other was")
    assert count("east.Sun", filled) == 1


def test_tables_left_over_are_named(manage: Manage, filled: str) -> None:
    execute(filled, "CREATE TABLE east_comet (id integer)")
    text = manage("reset_app", "east", "west", database=filled, interactive=False)
    assert "Leave alone, though they are named like these apps' and belong to no model:\n  east_comet\n" in text
    assert "east_comet" in structure(filled)


def test_records_that_contradict_one_another(manage: Manage, filled: str) -> None:
    execute(filled, "DELETE FROM django_migrations WHERE app = 'east' AND name = '0001_initial'")
    manage("reset_app", "east", "west", database=filled, interactive=False)
    assert recorded(filled, "east") == ["0001_initial", "0002_other"]
    assert count("east.Sun", filled) == 0
