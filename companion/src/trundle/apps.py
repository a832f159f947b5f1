# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.files.storage import storages


class TrundleConfig(AppConfig):
    name = "trundle"
    verbose_name = "Release"

    def ready(self) -> None:
        from trundle import checks  # noqa: F401  (registers them)

        # Before a server forks its workers, so that they share the memory of the manifest.
        if settings.STORAGES.get("staticfiles", {}).get("OPTIONS", {}).get("preload"):
            storages["staticfiles"]
