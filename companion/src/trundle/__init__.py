# SPDX-License-Identifier: BSD-3-Clause
"""The part of a Django project that knows which release it belongs to."""

from __future__ import annotations

__version__ = "0.1.0"
