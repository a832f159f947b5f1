# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``manage.py stock_report``: what the shopkeeper reads in the morning."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from catalog.models import Product


class Command(BaseCommand):
    help = "Say how many products there are, and which release counted them."

    def handle(self, **_options: object) -> None:
        self.stdout.write(f"{Product.objects.count()} products, counted by {settings.TRUNDLE_RELEASE}")
