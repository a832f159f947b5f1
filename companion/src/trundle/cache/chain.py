# SPDX-License-Identifier: BSD-3-Clause
"""A cache backend over other caches: fast ones first, the one that decides last."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from threading import local
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from trundle.cache import entry
from trundle.cache.conf import check_names, read_config
from trundle.cache.counters import Counters
from trundle.cache.entry import MISSING, Found, live
from trundle.cache.levels import Level, Levels, shared
from trundle.cache.writes import Watch

logger = logging.getLogger("trundle.cache")

Answer = TypeVar("Answer")
# Far enough from what Memcached refuses for the prefixes of the caches.
PLAIN_LENGTH = 200
# What the caller did wrong is an error in every cache, however healthy it is.
MISUSE = (ValueError, TypeError, AttributeError, pickle.PickleError)
# The copies that earlier caches are to hold after a write; None: those that they have are right.
Copies = dict[str, Found]


class ChainedCache(BaseCache):
    """Reads ask one cache after the other, and leave a copy in those that had none. Writes are decided by the last one.

    LOCATION (or the option `caches`) has the aliases of the caches. Options: `caps` (alias: seconds that a copy is
    served at most; 5 for LocMemCache), `strict` (False: a failing last cache counts as an empty one), `debug` (log each
    hit and miss).
    """

    def __init__(self, location: Any, params: dict[str, Any]) -> None:
        options = params.get("OPTIONS", {})
        self._config = read_config(location, options)
        check_names(settings.CACHES, self._config.names)
        super().__init__(params)
        self._shared = shared(self._config.names)
        self._local = local()

    def counters(self) -> Counters:
        """Hits by level, misses and failures of this chain, in this process."""
        return self._shared.tally.read()

    # Keys. The caches make their own ones of ours, so prefixes, versions and key functions of both count.

    def validate_key(self, key: str) -> None:
        # Memcached refuses where others warn.
        self._levels().last.validate_key(key)

    # Reading

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            levels: Levels = self._local.levels
        except AttributeError:
            levels = self._levels()
        made = self.make_key(key, version=version)
        # What no cache refuses needs no regular expression.
        if not (len(made) < PLAIN_LENGTH and made.isascii() and made.isprintable() and " " not in made):
            levels.last.validate_key(made)
        now = time.time()
        missed: list[Level] = []
        if levels.earlier:
            first = levels.earlier[0]
            try:
                stored = first.cache.get(made, MISSING)
            except Exception:
                first.failed("get")
            else:
                # Nearly every time. Written out, since this is what a chain is for.
                if live(stored, now):
                    levels.row.hit(0)
                    if self._config.debug:
                        self._log(made, first.name)
                    return stored[2]
                missed.append(first)
        found = self._look(levels, [made], now, levels.earlier[1:], missed).get(made)
        return default if found is None else found.value

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        made = {self.make_and_validate_key(key, version=version): key for key in keys}
        levels = self._levels()
        found = self._look(levels, made, time.time(), levels.earlier, [])
        return {key: found[name].value for name, key in made.items() if name in found}

    def _look(
        self, levels: Levels, keys: Collection[str], now: float, earlier: list[Level], missed: list[Level]
    ) -> dict[str, Found]:
        """Ask the earlier caches, then the last one, each for what the ones before did not have."""
        watch = self._shared.writes.read(keys)
        found: dict[str, Found] = {}
        for level in earlier:
            wanted = [key for key in keys if key not in found]
            here = level.get_many(wanted, now) if wanted else None
            if here is not None:
                self._keep(missed, here, now, watch)
                self._count(here, level.name, levels, level.place)
                found.update(here)
                missed.append(level)
        wanted = [key for key in keys if key not in found]
        if wanted:
            nothing: Copies = {}
            here = self._decide(levels, "get", lambda last: entry.find_many(last, wanted), nothing)
            self._keep(missed, here, now, watch)
            self._count(here, levels.last_name, levels, len(levels.earlier))
            found.update(here)
        for key in keys:
            if key not in found:
                levels.row.miss()
                if self._config.debug:
                    self._log(key, None)
        return found

    def _keep(self, missed: list[Level], here: Copies, now: float, watch: Watch) -> None:
        copies = {key: found for key, found in here.items() if found.deadline is None or found.deadline > now}
        for level in missed if copies else ():
            level.copy(copies, now)
            if not watch.alone():
                level.forget(copies)

    def _count(self, here: Iterable[str], name: str, levels: Levels, place: int) -> None:
        for key in here:
            levels.row.hit(place)
            if self._config.debug:
                self._log(key, name)

    def _log(self, key: str, name: str | None) -> None:
        if name is None:
            logger.debug("%s: miss in %s", key, " > ".join(self._config.names))
        else:
            place = self._config.names.index(name) + 1
            logger.debug("%s: hit in %s, cache %d of %d", key, name, place, len(self._config.names))

    # Writing

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        made = self.make_and_validate_key(key, version=version)
        seconds = self._seconds(timeout)

        def write(last: BaseCache, now: float) -> tuple[None, Copies]:
            end = entry.deadline(seconds, now)
            if not entry.is_bare(value):
                last.set(made, entry.wrap(value, end), seconds)
            elif entry.set_many(last, {made: value}, seconds, end):
                last.delete(made)
                return None, {}
            return None, {made: Found(value, end)}

        self._write([made], "set", write, None)

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        made = {self.make_and_validate_key(key, version=version): key for key in data}
        seconds = self._seconds(timeout)

        def write(last: BaseCache, now: float) -> tuple[set[str], Copies]:
            end = entry.deadline(seconds, now)
            values = {name: data[key] for name, key in made.items()}
            refused = entry.set_many(last, values, seconds, end)
            return refused, {name: Found(value, end) for name, value in values.items() if name not in refused}

        refused = self._write(list(made), "set", write, set(made)) if made else set()
        return [key for name, key in made.items() if name in refused]

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        made = self.make_and_validate_key(key, version=version)
        seconds = self._seconds(timeout)

        def write(last: BaseCache, now: float) -> tuple[bool, Copies | None]:
            end = entry.deadline(seconds, now)
            added = entry.add(last, made, value, seconds, end)
            return added, {made: Found(value, end)} if added else None

        return self._write([made], "add", write, False)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        made = self.make_and_validate_key(key, version=version)
        seconds = self._seconds(timeout)

        def write(last: BaseCache, now: float) -> tuple[bool, Copies]:
            return entry.touch(last, made, seconds, entry.deadline(seconds, now)), {}

        return self._write([made], "touch", write, False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        made = self.make_and_validate_key(key, version=version)
        return self._write([made], "delete", lambda last, now: (last.delete(made), {}), False)

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        made = [self.make_and_validate_key(key, version=version) for key in keys]

        def write(last: BaseCache, now: float) -> tuple[None, Copies]:
            last.delete_many(made)
            return None, {}

        if made:
            self._write(made, "delete", write, None)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        made = self.make_and_validate_key(key, version=version)
        # No copy of the sum: two processes may hand theirs over in another order than the last cache made them.
        value = self._write([made], "increment", lambda last, now: (last.incr(made, delta), {}), None)
        if value is None:
            raise ValueError(f"Key '{key}' not found")
        return value

    def clear(self) -> None:
        levels = self._levels()
        watch = self._shared.writes.write(None)
        try:
            self._decide(levels, "clear", lambda last: last.clear(), None)
        finally:
            for level in levels.earlier:
                level.clear()
            watch.end()

    def close(self, **kwargs: Any) -> None:
        levels: Levels | None = getattr(self._local, "levels", None)
        if levels is not None:
            for level in levels.earlier:
                level.close(**kwargs)
            levels.last.close(**kwargs)

    # Async. Django's own versions of these are made of two steps, which others may come between.

    async def aget_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        return await sync_to_async(self.get_many)(keys, version)

    async def aget_or_set(
        self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> Any:
        return await sync_to_async(self.get_or_set)(key, default, timeout, version)

    async def ahas_key(self, key: Any, version: int | None = None) -> bool:
        return await sync_to_async(self.has_key)(key, version)

    async def aincr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return await sync_to_async(self.incr)(key, delta, version)

    async def aincr_version(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return await sync_to_async(self.incr_version)(key, delta, version)

    async def aset_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        return await sync_to_async(self.set_many)(data, timeout, version)

    async def adelete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        await sync_to_async(self.delete_many)(keys, version)

    async def aclose(self, **kwargs: Any) -> None:
        await sync_to_async(self.close)(**kwargs)

    # How it is done

    def _levels(self) -> Levels:
        try:
            levels: Levels = self._local.levels
        except AttributeError:
            levels = self._local.levels = Levels(self._config, self._shared.tally)
        return levels

    def _seconds(self, timeout: Any) -> Any:
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout

    def _decide(self, levels: Levels, what: str, call: Callable[[BaseCache], Answer], instead: Answer) -> Answer:
        """Let the last cache answer; `instead` is the answer for one that fails where that is tolerated."""
        try:
            return call(levels.last)
        except MISUSE:
            raise
        except Exception:
            levels.row.failure(len(levels.earlier))
            if self._config.strict:
                raise
            logger.exception("The cache %r, the last one, failed to %s and counts as empty", levels.last_name, what)
            return instead

    def _write(
        self,
        keys: list[str],
        what: str,
        call: Callable[[BaseCache, float], tuple[Answer, Copies | None]],
        instead: Answer,
    ) -> Answer:
        """Write to the last cache, then bring the earlier ones in line: after a failure they have no copy."""
        levels = self._levels()
        now = time.time()
        watch = self._shared.writes.write(keys)
        copies: Copies | None = {}
        nothing: tuple[Answer, Copies | None] = (instead, copies)
        try:
            answer, copies = self._decide(levels, what, lambda last: call(last, now), nothing)
            return answer
        finally:
            if copies is not None:
                self._align(levels, keys, copies, now, watch)
            watch.end()

    def _align(self, levels: Levels, keys: list[str], copies: Copies, now: float, watch: Watch) -> None:
        gone = [key for key in keys if key not in copies]
        for level in levels.earlier:
            if gone:
                level.forget(gone)
            if copies:
                level.copy(copies, now)
                if not watch.alone():
                    level.forget(copies)
