# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Order",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("thing", models.ForeignKey("shop.Product", django.db.models.deletion.PROTECT)),
            ],
        ),
        migrations.CreateModel(
            "Line",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("order", models.ForeignKey("crm.Order", django.db.models.deletion.CASCADE)),
                ("product", models.ForeignKey("shop.Product", django.db.models.deletion.CASCADE)),
            ],
        ),
        migrations.CreateModel(
            "Basket",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("products", models.ManyToManyField("shop.Product")),
            ],
        ),
    ]
