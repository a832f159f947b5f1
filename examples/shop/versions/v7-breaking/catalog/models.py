# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Products, and the people who want to hear about them."""

from __future__ import annotations

from django.db import models
from django.urls import reverse


class Product(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    summary = models.CharField(max_length=160)
    description = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    icon = models.CharField(max_length=80, help_text="Path below the static files: catalog/icons/wheel-001.svg")
    # Nobody has rated anything since.
    rating: int | None = None
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.slug])

    @property
    def stars(self) -> range:
        return range(self.rating or 0)


class Subscriber(models.Model):
    email = models.EmailField(unique=True)
    since = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.email
