# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=50)
    old = models.IntegerField(default=0)
