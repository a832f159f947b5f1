# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial"), ("shop", "0003_more")]
    operations = [
        # A replay of shop's migrations must not look for the old name.
        migrations.RenameField("Order", "thing", "product"),
        migrations.CreateModel(
            "Lead",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50)),
                ("wish", models.ForeignKey("shop.Featured", django.db.models.deletion.SET_NULL, null=True)),
                ("order", models.ForeignKey("crm.Order", django.db.models.deletion.SET_NULL, null=True)),
                (
                    "hint",
                    models.ForeignKey(
                        "shop.Product",
                        django.db.models.deletion.SET_NULL,
                        null=True,
                        db_constraint=False,
                        related_name="+",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            "Bundle",
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
                ("size", models.IntegerField()),
            ],
            bases=("shop.product",),
        ),
    ]
