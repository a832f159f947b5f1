# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings with a plain static files storage: collection needs no other."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

# No interpreter but the project's has it.
import_module("only_here")

BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = os.environ["SHOP_SECRET_KEY"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "root"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STATICFILES_FINDERS = [
    "shop.finders.SlowFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": os.environ.get("SHOP_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage"),
    },
}
# Settings that print must not disturb collection.
sys.stdout.write('{"result": "noise"}\n')
