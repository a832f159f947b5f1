# SPDX-License-Identifier: BSD-3-Clause
"""Resetting apps: their tables made anew from the migrations, or their migrations replaced by one initial migration."""

from __future__ import annotations
