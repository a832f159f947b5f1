# SPDX-License-Identifier: BSD-3-Clause
"""Content types and permissions of models that are no more."""

from __future__ import annotations

from collections.abc import Callable

from reset.mall_rows import count, model

Manage = Callable[..., str]
Install = Callable[..., None]


def test_stale_content_types_and_permissions(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "auth", "catalog", "shop")
    manage("migrate", database=database)
    types = model("contenttypes.ContentType").objects.using(database)
    permissions = model("auth.Permission").objects.using(database)
    fresh_types = set(types.values_list("app_label", "model"))
    fresh = set(permissions.values_list("content_type__app_label", "codename"))
    product = types.get(app_label="shop", model="product")
    gone = types.create(app_label="shop", model="gone")
    other = types.create(app_label="catalog", model="gone")
    group = model("auth.Group").objects.using(database).create(name="staff")
    kept = permissions.get(codename="discount_product")
    group.permissions.add(
        kept,
        permissions.create(content_type=product, codename="buy_product", name="Can buy"),
        permissions.create(content_type=gone, codename="add_gone", name="Can add"),
        permissions.create(content_type=other, codename="add_gone", name="Can add"),
    )

    text = manage("reset_app", "shop", database=database, interactive=False)

    assert "Delete stale permissions:\n  shop.buy_product\n" in text
    assert "Delete stale content types, and what points at them:\n  shop.gone\n" in text
    assert set(types.values_list("app_label", "model")) == {*fresh_types, ("catalog", "gone")}
    assert set(permissions.values_list("content_type__app_label", "codename")) == {*fresh, ("catalog", "add_gone")}
    # Those that stay are the same rows, so groups keep them.
    assert set(group.permissions.values_list("codename", flat=True)) == {"discount_product", "add_gone"}
    assert group.permissions.get(codename="discount_product") == kept


def test_new_content_types_and_permissions(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "auth", "catalog", "shop")
    manage("migrate", database=database)
    types = model("contenttypes.ContentType").objects.using(database)
    types.filter(app_label="shop").delete()
    manage("reset_app", "shop", database=database, interactive=False)
    assert types.filter(app_label="shop").count() == 8
    assert model("auth.Permission").objects.using(database).filter(content_type__app_label="shop").count() == 33


def test_apps_that_keep_them_are_reset(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "auth")
    manage("migrate", database=database)
    manage("reset_app", "auth", database=database, interactive=False)
    assert count("auth.Permission", database) == 16
    manage("reset_app", "contenttypes", database=database, interactive=False, cascade=True)
    assert count("contenttypes.ContentType", database) == 4
    assert count("auth.Permission", database) == 16


def test_without_the_table_of_permissions(install: Install, database: str, manage: Manage) -> None:
    install("contenttypes", "east", "west")
    manage("migrate", database=database)
    install("contenttypes", "auth", "east", "west")
    manage("reset_app", "east", "west", database=database, interactive=False)
    assert model("contenttypes.ContentType").objects.using(database).filter(app_label="east").count() == 1


def test_without_their_tables(install: Install, database: str, manage: Manage) -> None:
    install("east", "west")
    manage("migrate", database=database)
    install("contenttypes", "auth", "east", "west")
    manage("reset_app", "east", "west", database=database, interactive=False)
    assert count("east.Sun", database) == 0
