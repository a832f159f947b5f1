# SPDX-License-Identifier: BSD-3-Clause
"""A cache in memory that tells what was asked of it, and that can be down or refuse keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

OPERATIONS = ("get", "get_many", "set", "set_many", "add", "touch", "delete", "delete_many", "incr", "clear", "close")


class State:
    """Of one cache, whatever connection it is asked through."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.down = False
        self.refused = ""
        """Keys that contain this are refused by set_many, as Memcached refuses values that are too large."""
        self.after: dict[str, Callable[[], None]] = {}
        """What happens once between the end of an operation and its answer."""


class ServerDown(Exception):
    pass


states: dict[str, State] = {}


class MemoryCache(BaseCache):
    """Not a LocMemCache to whoever looks: it stands for a server."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.inner = LocMemCache(name, params)
        self.state = states.setdefault(name, State())


def forward(operation: str) -> Callable[..., Any]:
    def call(self: MemoryCache, *args: Any, **kwargs: Any) -> Any:
        state = self.state
        state.calls.append(operation)
        # To close a connection needs no server.
        if state.down and operation != "close":
            raise ServerDown(operation)
        if operation == "set_many" and state.refused:
            data, *rest = args
            kept = {key: value for key, value in data.items() if state.refused not in key}
            self.inner.set_many(kept, *rest, **kwargs)
            return [key for key in data if key not in kept]
        answer = getattr(self.inner, operation)(*args, **kwargs)
        state.after.pop(operation, lambda: None)()
        return answer

    return call


for operation in OPERATIONS:
    setattr(MemoryCache, operation, forward(operation))
