# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Brand",
            [("id", models.AutoField(primary_key=True, serialize=False)), ("name", models.CharField(max_length=50))],
        ),
    ]
