# SPDX-License-Identifier: BSD-3-Clause
"""The caches of a chain, as one thread uses them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from trundle.cache.conf import Config
from trundle.cache.counters import Row, Tally
from trundle.cache.entry import Deadline, Found, live, sooner, wrap
from trundle.cache.writes import Writes

logger = logging.getLogger("trundle.cache")


class Shared:
    """What all threads of this process share about a chain of caches."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.tally = Tally(names)
        self.writes = Writes()


_shared: dict[tuple[str, ...], Shared] = {}


def shared(names: tuple[str, ...]) -> Shared:
    known = _shared.get(names)
    # One step for all threads: who comes second gets the first one's.
    return _shared.setdefault(names, Shared(names)) if known is None else known


class Level:
    """A cache before the last one. It holds copies; when it fails, the others do without."""

    __slots__ = ("cache", "cap", "name", "place", "row")

    def __init__(self, place: int, name: str, config: Config, row: Row) -> None:
        self.place = place
        self.name = name
        self.cache: BaseCache = caches[name]
        self.cap = config.cap(name, self.cache)
        self.row = row

    def failed(self, what: str) -> None:
        """Called where an exception is handled."""
        self.row.failure(self.place)
        logger.warning("The cache %r failed to %s and is passed over", self.name, what, exc_info=True)

    def get_many(self, keys: list[str], now: float) -> dict[str, Found] | None:
        """The copies that may still be served; None when the cache fails."""
        try:
            stored = self.cache.get_many(keys)
        except Exception:
            self.failed("get")
            return None
        return {key: Found(kept[2], kept[1]) for key, kept in stored.items() if live(kept, now)}

    def copy(self, found: Mapping[str, Found], since: float) -> None:
        """Keep values until they expire, and no longer than the cap after the moment that they were asked for."""
        groups: dict[Deadline, dict[str, Any]] = {}
        for key, (value, deadline) in found.items():
            last = deadline if self.cap is None else sooner(deadline, since + self.cap)
            groups.setdefault(last, {})[key] = wrap(value, last)
        for last, entries in groups.items():
            seconds = None if last is None else last - time.time()
            if seconds is not None and seconds <= 0:
                self.forget(entries)
            else:
                self._set(entries, seconds)

    def _set(self, entries: dict[str, Any], seconds: float | None) -> None:
        # A time to live may have fractions; Redis and Memcached cut them off, which is on the safe side.
        timeout: Any = seconds
        try:
            if len(entries) == 1:
                ((key, entry),) = entries.items()
                self.cache.set(key, entry, timeout)
            else:
                refused = self.cache.set_many(entries, timeout)
                if refused:
                    self.cache.delete_many(refused)
        except Exception:
            self.failed("keep a copy")
            # What it had before may be there still.
            self.forget(entries)

    def forget(self, keys: Iterable[str]) -> None:
        try:
            self.cache.delete_many(list(keys))
        except Exception:
            self.failed("delete a copy")

    def clear(self) -> None:
        try:
            self.cache.clear()
        except Exception:
            self.failed("clear")

    def close(self, **kwargs: Any) -> None:
        try:
            self.cache.close(**kwargs)
        except Exception:
            self.failed("close")


class Levels:
    """The caches as one thread has them: Django gives each thread its own connections."""

    __slots__ = ("earlier", "last", "last_name", "row")

    def __init__(self, config: Config, tally: Tally) -> None:
        self.row = tally.open()
        self.earlier = [Level(place, name, config, self.row) for place, name in enumerate(config.names[:-1])]
        self.last_name = config.names[-1]
        self.last: BaseCache = caches[self.last_name]
