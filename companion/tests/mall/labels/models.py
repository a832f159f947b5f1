# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Label(models.Model):
    id = models.AutoField(primary_key=True)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.BigIntegerField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    target = GenericForeignKey()


class Sticker(Label):
    colour = models.CharField(max_length=20)
