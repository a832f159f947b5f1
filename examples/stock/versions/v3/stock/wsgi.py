# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WSGI entry point of a release that somebody forgot to commit a file of: it fails at import.

collectstatic and migrate do not load this module, so the fault shows only when a process starts.
"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from stock.tracing import traced

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stock.settings")

application = traced(get_wsgi_application())
