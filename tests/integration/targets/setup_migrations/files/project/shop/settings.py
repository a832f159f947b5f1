# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from importlib import import_module

# No interpreter but the project's has it.
import_module("only_here")

SECRET_KEY = "not a secret"
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": f"django.db.backends.{os.environ['SHOP_ENGINE']}",
        "NAME": os.environ["SHOP_DATABASE"],
        "USER": "postgres",
        "HOST": os.environ.get("SHOP_HOST", ""),
        # The server of the tests asks nobody for it.
        "PASSWORD": os.environ["SHOP_PASSWORD"],
    }
}
