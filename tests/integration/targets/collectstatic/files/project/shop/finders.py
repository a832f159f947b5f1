# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A finder that takes as long as the environment says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from django.contrib.staticfiles.finders import FileSystemFinder


class SlowFinder(FileSystemFinder):
    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Any]]:
        time.sleep(float(os.environ.get("SHOP_SECONDS", "0")))
        yield from super().list(ignore_patterns)
