# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("east", "0001_initial"), ("west", "0001_initial")]
    operations = [
        migrations.AddField(
            "Sun",
            "other",
            models.ForeignKey("west.Moon", django.db.models.deletion.CASCADE, null=True, related_name="+"),
        ),
    ]
