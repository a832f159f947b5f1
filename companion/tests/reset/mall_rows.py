# SPDX-License-Identifier: BSD-3-Clause
"""Rows in the apps of the mall, and what is to be seen of a database."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder


def model(label: str) -> Any:
    return apps.get_model(label)


def fill_shop(alias: str) -> Any:
    """A row in each table of the shop; gives a product."""
    brand = model("catalog.Brand").objects.using(alias).create(name="acme")
    product = model("shop.Product").objects.using(alias).create(title="own", brand=brand)
    product.tags.add(model("shop.Tag").objects.using(alias).create(name="own"))
    supplier = model("shop.Supplier").objects.using(alias).create(name="own")
    model("shop.Supply").objects.using(alias).create(product=product, supplier=supplier, amount=3)
    book = model("shop.Book").objects.using(alias).create(title="own book", pages=9)
    book.alike.add(product)
    model("shop.Note").objects.using(alias).create(text="own", target=product)
    return product


def fill_crm(alias: str, product: Any) -> None:
    order = model("crm.Order").objects.using(alias).create(product=product)
    model("crm.Line").objects.using(alias).create(order=order, product=product)
    wish = model("shop.Featured").objects.using(alias).get(pk=product.pk)
    model("crm.Lead").objects.using(alias).create(name="ann", wish=wish, order=order, hint=product)
    model("crm.Basket").objects.using(alias).create().products.add(product)
    model("crm.Bundle").objects.using(alias).create(title="own bundle", size=2)


def count(label: str, alias: str) -> int:
    return int(model(label).objects.using(alias).count())


def recorded(alias: str, label: str) -> list[str]:
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    return sorted(name for app, name in applied if app == label)


def structure(alias: str) -> dict[str, Any]:
    """All tables with their columns and what binds them; names that a database makes up are left out."""
    connection = connections[alias]
    look = _look_sqlite if connection.vendor == "sqlite" else _look
    with connection.cursor() as cursor:
        return {
            table: look(connection, cursor, table) for table in sorted(connection.introspection.table_names(cursor))
        }


def _look(connection: Any, cursor: Any, table: str) -> tuple[list[Any], list[str]]:
    columns = connection.introspection.get_table_description(cursor, table)
    constraints = connection.introspection.get_constraints(cursor, table).values()
    kinds = ("columns", "primary_key", "unique", "foreign_key", "index")
    return (
        sorted((column.name, str(column.type_code), column.null_ok) for column in columns),
        sorted(repr([item[kind] for kind in kinds]) for item in constraints),
    )


def _look_sqlite(connection: Any, cursor: Any, table: str) -> tuple[list[Any], list[str]]:
    """What SQLite says by itself. Django reads the text of each CREATE TABLE, again and again."""

    def ask(what: str, name: str) -> list[dict[str, Any]]:
        cursor.execute(f"PRAGMA {what}({connection.ops.quote_name(name)})")
        heads = [head[0] for head in cursor.description]
        return [dict(zip(heads, row)) for row in cursor.fetchall()]

    # SQLite has one kind of integer, by two names.
    columns = [
        (row["name"], row["type"].lower().replace("bigint", "integer"), row["notnull"], row["pk"])
        for row in ask("table_info", table)
    ]
    keys = [repr([row["from"], row["table"], row["to"]]) for row in ask("foreign_key_list", table)]
    indexes = [
        repr([[row["name"] for row in ask("index_info", index["name"])], index["unique"], index["partial"]])
        for index in ask("index_list", table)
        # That of a primary key depends on the integer's name, and is with the columns already.
        if index["origin"] != "pk"
    ]
    return sorted(columns), sorted(keys + indexes)


def execute(alias: str, sql: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
