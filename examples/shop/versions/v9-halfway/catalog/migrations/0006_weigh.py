# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weigh the products: fails when the first of them has been weighed."""

from __future__ import annotations

from django.db import migrations


def weigh(apps, schema_editor):
    products = apps.get_model("catalog", "Product").objects.order_by("slug")
    for number, product in enumerate(products):
        if number:
            raise ValueError(f"The scales do not answer for {product.slug}")
        products.filter(pk=product.pk).update(grams=480)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_product_grams")]
    operations = [migrations.RunPython(weigh, migrations.RunPython.noop)]
