# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("contenttypes", "0002_remove_content_type_name"), ("catalog", "0001_initial")]
    operations = [
        migrations.CreateModel(
            "Tag",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50, unique=True)),
            ],
        ),
        migrations.CreateModel(
            "Supplier",
            [("id", models.AutoField(primary_key=True, serialize=False)), ("name", models.CharField(max_length=50))],
        ),
        migrations.CreateModel(
            "Product",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=50)),
                ("brand", models.ForeignKey("catalog.Brand", django.db.models.deletion.CASCADE, null=True)),
                ("tags", models.ManyToManyField("shop.Tag")),
                ("alike", models.ManyToManyField("shop.Product")),
            ],
            options={"permissions": [("discount_product", "Can give a discount")]},
        ),
        migrations.CreateModel(
            "Supply",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("amount", models.IntegerField()),
                ("product", models.ForeignKey("shop.Product", django.db.models.deletion.CASCADE)),
                ("supplier", models.ForeignKey("shop.Supplier", django.db.models.deletion.CASCADE)),
            ],
        ),
        migrations.AddField("Product", "suppliers", models.ManyToManyField("shop.Supplier", through="shop.Supply")),
    ]
