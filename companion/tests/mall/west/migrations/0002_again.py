# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("west", "0001_initial")]
    operations = [migrations.RunSQL(migrations.RunSQL.noop)]
