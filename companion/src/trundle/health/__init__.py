# SPDX-License-Identifier: BSD-3-Clause
"""Health views: alive, ready and the load balancer's; `include("trundle.health.urls")`."""

from __future__ import annotations

from trundle.health.checks import Check, CheckFailed

__all__ = ["Check", "CheckFailed"]
