# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [("east", "0001_initial")]
    operations = [
        migrations.CreateModel("Moon", [("id", models.AutoField(primary_key=True, serialize=False))]),
        migrations.AddField(
            "Moon",
            "other",
            models.ForeignKey("east.Sun", django.db.models.deletion.CASCADE, null=True, related_name="+"),
        ),
    ]
