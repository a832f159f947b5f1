# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for tests of chains of caches."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches

from trundle.cache import ChainedCache, levels

from memory import State, states


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


class Chain:
    """A chain `here`, one of another process over the same last cache, and the caches that they are made of."""

    def __init__(self, configure: Callable[..., None], names: tuple[str, ...], params: dict[str, Any]) -> None:
        run = uuid.uuid4().hex
        self.names = names
        self.locations = {name: f"{name}-{run}" for name in (*names, *(f"other-{name}" for name in names[:-1]))}
        single = {name: {"BACKEND": "memory.MemoryCache", "LOCATION": place} for name, place in self.locations.items()}
        chained = {"BACKEND": "trundle.cache.ChainedCache", **params}
        elsewhere = [*(f"other-{name}" for name in names[:-1]), names[-1]]
        configure(
            CACHES={
                "default": {**chained, "LOCATION": list(names)},
                "elsewhere": {"BACKEND": "trundle.cache.ChainedCache", "LOCATION": elsewhere},
                **single,
            }
        )
        for name in names:
            caches[name]  # from now on it has a state

    @property
    def here(self) -> ChainedCache:
        return caches["default"]

    @property
    def elsewhere(self) -> ChainedCache:
        return caches["elsewhere"]

    def state(self, name: str) -> State:
        return states[self.locations[name]]

    def clear(self, *names: str) -> None:
        for name in names:
            caches[name].inner.clear()

    def raw(self, name: str, key: str) -> Any:
        """What a cache has under the chain's key."""
        return caches[name].inner.get(f":1:{key}")

    def hits(self) -> list[int]:
        """Hits by level, then misses."""
        counters = self.here.counters()
        return [*counters.hits.values(), counters.misses]


@pytest.fixture
def make(configure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Chain]]:
    monkeypatch.setattr(levels, "_shared", {})

    def make(*names: str, key_settings: dict[str, Any] | None = None, **options: Any) -> Chain:
        return Chain(configure, names or ("first", "last"), {"OPTIONS": options, **(key_settings or {})})

    yield make
    states.clear()
