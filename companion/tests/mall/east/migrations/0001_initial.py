# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Sun", [("id", models.AutoField(primary_key=True, serialize=False))])]
