# SPDX-License-Identifier: BSD-3-Clause
"""The settings of a chain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.module_loading import import_string

# For so long a process may keep what another one has changed meanwhile.
DEFAULT_CAP = 5
OPTIONS = ("caches", "caps", "strict", "debug")


@dataclass(frozen=True)
class Config:
    names: tuple[str, ...]
    """Aliases of CACHES, first to last."""
    caps: Mapping[str, float | None] = field(default_factory=dict)
    strict: bool = True
    debug: bool = False

    def cap(self, name: str, cache: BaseCache) -> float | None:
        """For how many seconds at most a copy in that cache is served; None for the value's own time to live."""
        if name in self.caps:
            return self.caps[name]
        return DEFAULT_CAP if isinstance(cache, LocMemCache) else None


def read_config(location: Any, options: Mapping[str, Any]) -> Config:
    """Raises InvalidCacheBackendError, which says what to do."""
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise InvalidCacheBackendError(
            f"ChainedCache has unknown OPTIONS: {', '.join(unknown)}. Known are: {', '.join(OPTIONS)}. "
            "Options of a cache of the chain belong to that cache's own settings."
        )
    names = _names(location, options.get("caches"))
    for name in ("strict", "debug"):
        if not isinstance(options.get(name, False), bool):
            raise InvalidCacheBackendError(f"The option {name!r} of ChainedCache must be True or False.")
    return Config(
        names, _caps(options.get("caps", {}), names), options.get("strict", True), options.get("debug", False)
    )


def _names(location: Any, option: Any) -> tuple[str, ...]:
    if location and option:
        raise InvalidCacheBackendError("ChainedCache has both LOCATION and the option 'caches': leave one of them out.")
    given = location or option
    if isinstance(given, str):
        given = [name for name in re.split(r"[\s,;]+", given) if name]
    if not isinstance(given, (list, tuple)) or not given or not all(isinstance(name, str) for name in given):
        raise InvalidCacheBackendError(
            "ChainedCache needs the aliases of its caches, first to last: LOCATION (or the option 'caches'), such as "
            "['local', 'redis']."
        )
    if len(set(given)) < len(given):
        raise InvalidCacheBackendError(f"ChainedCache names a cache twice: {', '.join(given)}. Name each one once.")
    return tuple(given)


def _caps(caps: Any, names: tuple[str, ...]) -> dict[str, float | None]:
    if not isinstance(caps, Mapping):
        raise InvalidCacheBackendError(
            f"The option 'caps' of ChainedCache must be a dict, such as {{{names[0]!r}: 5}}."
        )
    for name, cap in caps.items():
        if name not in names[:-1]:
            raise InvalidCacheBackendError(
                f"The option 'caps' of ChainedCache names {name!r}, which is no cache before the last one. "
                f"Those are: {', '.join(names[:-1]) or 'none'}."
            )
        number = isinstance(cap, (int, float)) and not isinstance(cap, bool)
        if cap is not None and not (number and cap > 0):
            raise InvalidCacheBackendError(
                f"The cap of {name!r} in ChainedCache must be a number of seconds above 0, or None for no cap, "
                f"not {cap!r}."
            )
    return dict(caps)


def check_names(settings: Mapping[str, Any], names: tuple[str, ...], above: tuple[str, ...] = ()) -> None:
    """Each name is a cache, and no chain contains itself. Raises InvalidCacheBackendError."""
    for name in names:
        if name not in settings:
            raise InvalidCacheBackendError(
                f"ChainedCache names {name!r}, which is not in CACHES. There are: {', '.join(settings)}."
            )
        if name in above:
            raise InvalidCacheBackendError(
                f"The chain of caches {' > '.join((*above, name))} contains itself. Take {name!r} out of it."
            )
        if _is_chain(settings[name]):
            check_names(settings, _read(settings[name]).names, (*above, name))


def chains(settings: Mapping[str, Any]) -> list[str]:
    """The aliases of all chains."""
    return [alias for alias, params in settings.items() if _is_chain(params)]


def chain_problem(settings: Mapping[str, Any], alias: str) -> str | None:
    """What is wrong with a chain, or with one that it is made of."""
    try:
        check_names(settings, _read(settings[alias]).names, (alias,))
    except InvalidCacheBackendError as exc:
        return str(exc)
    return None


def last_cache(settings: Mapping[str, Any], alias: str) -> BaseCache:
    return caches[_read(settings[alias]).names[-1]]


def _read(params: Mapping[str, Any]) -> Config:
    return read_config(params.get("LOCATION"), params.get("OPTIONS", {}))


def _is_chain(params: Mapping[str, Any]) -> bool:
    # Here, since that module needs this one.
    from trundle.cache.chain import ChainedCache

    try:
        backend = import_string(params["BACKEND"])
    except (ImportError, KeyError):
        return False
    return isinstance(backend, type) and issubclass(backend, ChainedCache)
