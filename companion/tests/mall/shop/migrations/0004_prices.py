# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_more")]
    operations = [
        # In a new database crm's keys are there by now, and change too.
        migrations.AlterField("Product", "id", models.BigAutoField(primary_key=True, serialize=False)),
        migrations.RunSQL("UPDATE shop_product SET price = 7 WHERE title = 'sample'"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(["UPDATE shop_product SET price = price + 0"])],
        ),
    ]
