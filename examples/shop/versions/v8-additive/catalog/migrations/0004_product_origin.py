# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a product comes from: a new column that the code before it can leave alone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_product_rating")]
    operations = [migrations.AddField("product", "origin", models.CharField(blank=True, max_length=80, null=True))]
