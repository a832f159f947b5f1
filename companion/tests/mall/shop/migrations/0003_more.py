# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_seed")]
    operations = [
        migrations.RenameField("Product", "name", "title"),
        migrations.AddField("Product", "price", models.IntegerField(default=0)),
        migrations.AddIndex("Product", models.Index(fields=["title"], name="shop_product_title")),
        migrations.CreateModel(
            "Book",
            [
                (
                    "product_ptr",
                    models.OneToOneField(
                        "shop.Product",
                        django.db.models.deletion.CASCADE,
                        auto_created=True,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("pages", models.IntegerField()),
            ],
            bases=("shop.product",),
        ),
        migrations.CreateModel("Featured", [], options={"proxy": True}, bases=("shop.product",)),
        migrations.CreateModel(
            "Stock",
            [("code", models.CharField(max_length=20, primary_key=True, serialize=False))],
            options={"managed": False, "db_table": "legacy_stock"},
        ),
        migrations.CreateModel(
            "Note",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("text", models.TextField()),
                ("object_id", models.BigIntegerField()),
                ("content_type", models.ForeignKey("contenttypes.ContentType", django.db.models.deletion.CASCADE)),
            ],
        ),
    ]
