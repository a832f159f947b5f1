# SPDX-License-Identifier: BSD-3-Clause
"""Health views: alive, ready and the load balancer's; `include("trundle.health.urls")`."""

from __future__ import annotations

from trundle.health.checks import CacheCheck, Check, CheckFailed, DatabaseCheck, ManifestCheck, MigrationsCheck

__all__ = ["CacheCheck", "Check", "CheckFailed", "DatabaseCheck", "ManifestCheck", "MigrationsCheck"]
