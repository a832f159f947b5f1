# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("labels", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.AddField(
            "Label",
            "owner",
            models.ForeignKey(settings.AUTH_USER_MODEL, django.db.models.deletion.CASCADE, null=True),
        ),
        migrations.CreateModel(
            "Sticker",
            [
                (
                    "label_ptr",
                    models.OneToOneField(
                        "labels.Label",
                        django.db.models.deletion.CASCADE,
                        auto_created=True,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("colour", models.CharField(max_length=20)),
            ],
            bases=("labels.label",),
        ),
    ]
