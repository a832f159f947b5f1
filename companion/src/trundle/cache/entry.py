# SPDX-License-Identifier: BSD-3-Clause
"""What is stored in the caches of a chain: the value, and with it the moment that it expires at.

An integer in the last cache is stored bare, so that the server's own increment works on it; and whoever touches a
value changes its expiry without rewriting it, which could undo the write of another process. In both cases a note
beside the value tells the expiry. A note counts only for what it was written for: the integer, or the expiry that is
stored with the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Union

from django.core.cache.backends.base import BaseCache

# The first item of all that is stored. Another form gets another mark: two releases may use one cache.
FAMILY = "trundle:"
MARK = f"{FAMILY}1"
MISSING: Any = object()
KINDS = (tuple, list)
# A moment long ago: such a value is served by the last cache and never copied.
UNKNOWN = 0.0
# Notes of values that live forever are given up after a day; the next set writes a new one.
NOTE_SECONDS = 86400

Deadline = Union[float, None]
"""Seconds since 1970, or None for a value that never expires."""


class Found(NamedTuple):
    value: Any
    deadline: Deadline


def wrap(value: Any, deadline: Deadline) -> tuple[str, Deadline, Any]:
    return (MARK, deadline, value)


def is_entry(stored: Any) -> bool:
    # A list, after a serializer that knows no tuples, such as JSON.
    # No subclass, which isinstance would take: a value of the project's own may be one.
    # pylint: disable-next=unidiomatic-typecheck  # see above
    return type(stored) in KINDS and len(stored) == 3 and type(stored[0]) is str and stored[0] == MARK


def is_of_another_form(stored: Any) -> bool:
    """Whether another version of this module has written it, and so only that knows what the value is."""
    marked = isinstance(stored, (tuple, list)) and len(stored) > 0 and isinstance(stored[0], str)
    return marked and stored[0].startswith(FAMILY) and not is_entry(stored)


def live(stored: Any, now: float) -> bool:
    """Whether this is a copy that may still be served."""
    return is_entry(stored) and (stored[1] is None or stored[1] > now)


def note_key(key: str) -> str:
    return key + "~"


def is_bare(value: Any) -> bool:
    """Whether the value is stored as it is. Not a bool or an enumeration's member: they would come back as numbers."""
    return type(value) is int  # pylint: disable=unidiomatic-typecheck  # isinstance would take these


def deadline(seconds: float | None, now: float) -> Deadline:
    """When a value expires. In whole seconds, because Redis and Memcached cut the rest off."""
    return None if seconds is None else now + int(seconds)


def sooner(one: Deadline, other: Deadline) -> Deadline:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


# What follows speaks to the last cache of a chain.


def find_many(cache: BaseCache, keys: Iterable[str]) -> dict[str, Found]:
    keys = list(keys)
    stored = _get_many(cache, keys)
    return {key: _find(stored[key], stored.get(note_key(key))) for key in keys if key in stored}


def _get_many(cache: BaseCache, keys: list[str]) -> dict[str, Any]:
    """With their notes. What is of another form is not there: its value cannot be told."""
    stored = cache.get_many([*keys, *map(note_key, keys)])
    return {key: kept for key, kept in stored.items() if not is_of_another_form(kept)}


def _find(raw: Any, note: Any) -> Found:
    ours = is_entry(raw)
    value, end = (raw[2], raw[1]) if ours else (raw, UNKNOWN)
    if (ours or is_bare(raw)) and is_entry(note) and note[2] == _token(raw):
        end = note[1]
    return Found(value, end)


def _token(raw: Any) -> Any:
    """What a note names to say which value it belongs to."""
    return raw[1] if is_entry(raw) else raw


def set_many(cache: BaseCache, data: Mapping[str, Any], seconds: Any, end: Deadline) -> set[str]:
    """Returns the keys that the cache refused."""
    entries = {key: value if is_bare(value) else wrap(value, end) for key, value in data.items()}
    notes = {note_key(key): wrap(value, end) for key, value in data.items() if is_bare(value)}
    if seconds is None:
        refused = cache.set_many(entries, None)
        cache.set_many(notes, NOTE_SECONDS)
    else:
        refused = cache.set_many({**entries, **notes}, seconds)
    return set(refused or ()) & set(data)


def add(cache: BaseCache, key: str, value: Any, seconds: Any, end: Deadline) -> bool:
    if not is_bare(value):
        return cache.add(key, wrap(value, end), seconds)
    added = cache.add(key, value, seconds)
    if added:
        cache.set(note_key(key), wrap(value, end), _note_seconds(seconds))
    return added


def touch(cache: BaseCache, key: str, seconds: Any, end: Deadline) -> bool:
    """Change the expiry. At no moment may a reader believe that the value lives longer than it does."""
    stored = _get_many(cache, [key])
    if key not in stored:
        return False
    before = _find(stored[key], stored.get(note_key(key))).deadline
    shorter = sooner(before, end) != before

    def note() -> None:
        cache.set(note_key(key), wrap(_token(stored[key]), end), _note_seconds(seconds))

    if shorter:
        note()
    touched = cache.touch(key, seconds)
    if touched and not shorter:
        note()
    return touched


def _note_seconds(seconds: Any) -> Any:
    return NOTE_SECONDS if seconds is None else seconds
