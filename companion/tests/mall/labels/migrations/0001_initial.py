# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("contenttypes", "0002_remove_content_type_name")]
    operations = [
        migrations.CreateModel(
            "Label",
            [
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("object_id", models.BigIntegerField()),
                ("content_type", models.ForeignKey("contenttypes.ContentType", django.db.models.deletion.CASCADE)),
            ],
        ),
    ]
