# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import models


class Moon(models.Model):
    id = models.AutoField(primary_key=True)
    other = models.ForeignKey("east.Sun", models.CASCADE, null=True, related_name="+")
