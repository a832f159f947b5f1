# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.db import models


class Brand(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=50)
