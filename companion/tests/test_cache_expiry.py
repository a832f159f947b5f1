# SPDX-License-Identifier: BSD-3-Clause
"""How long a copy is served."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.cache import caches

from trundle.cache.entry import MARK

from chains import Clock

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.mark.parametrize("value", ["text", 7])
@pytest.mark.parametrize("many", [False, True])
def test_a_copy_lives_no_longer_than_its_value(make, clock: Clock, value: Any, many: bool) -> None:
    chain = make("first", "second", "last")
    chain.elsewhere.set("key", value, 10)
    clock.tick(7)
    read = chain.here.get_many if many else chain.here.get
    assert read(["key"] if many else "key") == ({"key": value} if many else value)
    chain.clear("last")
    clock.tick(2.9)
    assert chain.here.get("key") == value
    clock.tick(0.2)
    assert chain.here.get("key") is None


def test_a_copy_of_a_copy_lives_no_longer(make, clock: Clock) -> None:
    chain = make("first", "second", "last", caps={"second": 4, "first": 3})
    chain.elsewhere.set("key", "value")
    chain.here.get("key")
    chain.clear("first")
    clock.tick(2)
    assert chain.here.get("key") == "value"
    assert chain.hits() == [0, 1, 1, 0]
    clock.tick(1.9)
    assert chain.here.get("key") == "value"
    assert chain.hits() == [1, 1, 1, 0]
    chain.elsewhere.set("key", "new")
    clock.tick(0.2)
    assert chain.here.get("key") == "new"


def test_a_value_without_expiry(make, clock: Clock) -> None:
    chain = make()
    chain.elsewhere.set_many({"key": "value", "number": 7}, None)
    clock.tick(1000)
    assert chain.here.get_many(["key", "number"]) == {"key": "value", "number": 7}
    clock.tick(10**9)
    chain.clear("last")
    assert chain.here.get_many(["key", "number"]) == {"key": "value", "number": 7}


@pytest.mark.parametrize("timeout", [0, -5, 0.5])
def test_what_does_not_live_for_a_second_is_not_copied(make, clock: Clock, timeout: float) -> None:
    chain = make()
    chain.here.set("key", "old")
    chain.here.set("key", "value", timeout)
    assert chain.raw("first", "key") is None
    assert chain.state("first").calls[-1] == "delete_many"
    chain.here.set("key", "old")
    chain.here.set_many({"key": 1, "other": "value"}, timeout)
    assert chain.raw("first", "key") is None
    clock.tick(1)
    assert chain.here.get("key") is None


def test_a_cache_that_keeps_copies_for_too_long(make, clock: Clock) -> None:
    """As one that counts in whole minutes would: the moment that is kept with the value counts."""
    chain = make("first", "second", "last")
    for name in ("first", "second"):
        caches[name].inner.set(":1:key", (MARK, clock.now - 1, "old"), None)
    chain.elsewhere.delete("key")
    assert chain.here.get("key") is None
    assert chain.here.get_many(["key"]) == {}


def test_a_process_of_its_own_sees_what_others_write_after_the_cap(make, clock: Clock) -> None:
    chain = make(caps={"first": 3})
    chain.here.set("key", "old", None)
    chain.elsewhere.set("key", "new", None)
    clock.tick(2.9)
    assert chain.here.get("key") == "old"
    clock.tick(0.2)
    assert chain.here.get("key") == "new"
    chain.elsewhere.delete("key")
    clock.tick(2.9)
    assert chain.here.get("key") == "new"
    clock.tick(0.2)
    assert chain.here.get("key") is None


def test_the_cap_counts_from_when_the_value_was_asked_for(make, clock: Clock) -> None:
    chain = make(caps={"first": 3})
    chain.elsewhere.set("key", "old", None)
    chain.state("last").after["get_many"] = lambda: clock.tick(2)
    assert chain.here.get("key") == "old"
    chain.elsewhere.set("key", "new", None)
    clock.tick(1.1)
    assert chain.here.get("key") == "new"
    chain.clear("first")
    chain.state("last").after["get_many"] = lambda: clock.tick(4)
    assert chain.here.get("key") == "new"
    assert chain.raw("first", "key") is None


def test_locmem_has_a_cap_of_five_seconds_unless_told_otherwise(configure, clock: Clock) -> None:
    def seen(**options: Any) -> bool:
        local = {"BACKEND": LOCMEM, "LOCATION": uuid.uuid4().hex}
        last = {"BACKEND": LOCMEM, "LOCATION": uuid.uuid4().hex}
        chain = {"BACKEND": "trundle.cache.ChainedCache", "OPTIONS": {"caches": "local, last", **options}}
        configure(CACHES={"default": chain, "local": local, "last": last})
        caches["default"].set("key", "value")
        caches["last"].clear()
        clock.tick(4.9)
        assert caches["default"].get("key") == "value"
        clock.tick(0.2)
        return caches["default"].get("key") == "value"

    assert not seen()
    assert seen(caps={"local": 6})
    assert seen(caps={"local": None})


@pytest.mark.parametrize("value", ["text", 7])
@pytest.mark.parametrize(("first", "then"), [(10, 100), (100, 10), (None, 10), (10, None), (10, 10)])
def test_touch_changes_the_expiry_of_copies_to_come(make, clock: Clock, value: Any, first: Any, then: Any) -> None:
    chain = make()
    chain.here.set("key", value, first)
    chain.elsewhere.get("key")
    calls = len(chain.state("last").calls)
    assert chain.elsewhere.touch("key", then) is True
    assert sorted(chain.state("last").calls[calls:]) == ["get_many", "set", "touch"]
    clock.tick(9)
    chain.clear("first", "other-first")
    assert chain.here.get("key") == value
    chain.clear("last")
    assert chain.here.get("key") == value
    clock.tick(2)
    assert chain.here.get("key") == (value if then in (None, 100) else None)


def test_touch_at_no_moment_lets_a_copy_live_too_long(make, clock: Clock) -> None:
    """Another process reads between the steps of a touch."""
    chain = make()
    seen = []

    def read() -> None:
        chain.clear("first")
        chain.here.get("key")
        copy = chain.raw("first", "key")
        seen.append(copy[1] - clock.now if copy else None)

    last = chain.state("last")
    chain.elsewhere.set("key", "value", 100)
    last.after["set"] = read
    chain.elsewhere.touch("key", 10)
    chain.elsewhere.set("key", "value", 10)
    last.after["touch"] = read
    chain.elsewhere.touch("key", 100)
    assert seen == [10, 10]


def test_touch_of_what_is_missing(make) -> None:
    chain = make()
    assert chain.here.touch("key") is False
    chain.here.set("key", "value")
    chain.state("last").after["get_many"] = lambda: chain.clear("last")
    assert chain.here.touch("key", 1000) is False
    assert chain.here.get("key") is None


def test_a_note_is_for_the_value_that_it_was_written_for(make, clock: Clock) -> None:
    chain = make()
    chain.here.set("key", "value", 100)
    chain.here.touch("key", 1000)
    clock.tick(1)
    chain.here.set("key", "new", 10)
    chain.clear("first")
    assert chain.here.get("key") == "new"
    clock.tick(9.9)
    chain.clear("last")
    assert chain.here.get("key") == "new"
    clock.tick(0.2)
    assert chain.here.get("key") is None
