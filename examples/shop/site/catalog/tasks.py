# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shop does beside answering requests."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from celery import shared_task
from django.conf import settings

from .models import Product

log = logging.getLogger(__name__)


@shared_task
def count_goods() -> dict[str, object]:
    """Done every few seconds, by the clock of celery's beat."""
    return {"release": settings.TRUNDLE_RELEASE, "goods": Product.objects.count()}


@shared_task
def write_letter(until: str) -> dict[str, object]:
    """Take as long as it takes until there is a file, so that a test can say when the task ends."""
    log.info("letter begun in %s", settings.TRUNDLE_RELEASE)
    deadline = time.monotonic() + 240
    while not Path(until).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    log.info("letter ended in %s, about %d goods", settings.TRUNDLE_RELEASE, Product.objects.count())
    return {"release": settings.TRUNDLE_RELEASE}
