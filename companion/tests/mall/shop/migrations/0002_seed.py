# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import migrations


def seed(apps, schema_editor):
    """Rows whose keys are checked late, before tables are changed again in the same transaction."""
    alias = schema_editor.connection.alias
    product = apps.get_model("shop", "Product").objects.using(alias).create(name="sample")
    product.tags.add(apps.get_model("shop", "Tag").objects.using(alias).create(name="new"))


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(seed)]
