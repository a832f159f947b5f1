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
    with connection.cursor() as cursor:
        found = {}
        for table in sorted(connection.introspection.table_names(cursor)):
            columns = connection.introspection.get_table_description(cursor, table)
            constraints = connection.introspection.get_constraints(cursor, table).values()
            found[table] = (
                # SQLite has one kind of integer, by two names.
                sorted((c.name, str(c.type_code).lower().replace("bigint", "integer"), c.null_ok) for c in columns),
                sorted(
                    repr((item["columns"], item["primary_key"], item["unique"], item["foreign_key"], item["index"]))
                    for item in constraints
                ),
            )
    return found


def execute(alias: str, sql: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
