# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_more")]
    operations = [
        migrations.RunSQL("UPDATE shop_product SET price = 7 WHERE title = 'sample'"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(["UPDATE shop_product SET price = price + 0"])],
        ),
    ]
