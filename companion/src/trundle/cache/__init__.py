# SPDX-License-Identifier: BSD-3-Clause
"""A cache that asks several caches one after the other."""

from __future__ import annotations

from trundle.cache.chain import ChainedCache
from trundle.cache.counters import Counters

__all__ = ["ChainedCache", "Counters"]
