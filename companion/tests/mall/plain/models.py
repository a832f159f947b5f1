# SPDX-License-Identifier: BSD-3-Clause
"""An app without migrations."""

from __future__ import annotations

from django.db import models


class Thing(models.Model):
    id = models.AutoField(primary_key=True)
