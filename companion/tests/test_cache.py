# SPDX-License-Identifier: BSD-3-Clause
"""What a chain reads and writes, over caches in memory. What Django expects of any cache is in test_cache_suite."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.core.cache import caches

from trundle.cache.entry import MARK

from chains import Clock

# For whom a mistake of the chain would show: values that are not what they seem, and integers.
VALUES = [None, False, True, 0, 7, -(2**70), 1.5, "", "text", (), [MARK, None], {"a": 1}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_from_each_level_as_it_was(make, value: Any) -> None:
    chain = make("first", "second", "last")
    chain.elsewhere.set("key", value)
    for expected in ([0, 0, 1, 0], [1, 0, 1, 0]):
        found = chain.here.get("key", "default")
        assert found == value
        assert type(found) is type(value)
        assert chain.hits() == expected
    chain.clear("first", "last")
    assert chain.here.get("key", "default") == value
    assert chain.here.get("key", "default") == value
    assert chain.hits() == [2, 1, 1, 0]


def test_a_miss(make) -> None:
    chain = make()
    assert chain.here.get("key") is None
    assert chain.here.get("key", 3) == 3
    assert chain.here.get_many(["key", "other"]) == {}
    assert chain.hits() == [0, 0, 4]


def test_get_many_asks_each_level_for_what_is_missing_only(make) -> None:
    chain = make("first", "second", "last")
    chain.here.set_many({"a": 1, "b": None, "c": "3", "d": 4})
    chain.clear("first")
    assert chain.here.get_many(["a"]) == {"a": 1}
    for name in ("second", "last"):
        caches[name].inner.delete(":1:d")
    caches["second"].inner.delete(":1:c")
    caches["second"].inner.delete(":1:b")
    assert chain.here.get_many(iter(["a", "b", "c", "d"])) == {"a": 1, "b": None, "c": "3"}
    assert chain.hits() == [1, 1, 2, 1]
    chain.clear("second", "last")
    assert chain.here.get_many(["a", "b", "c"]) == {"a": 1, "b": None, "c": "3"}
    calls = len(chain.state("last").calls)
    assert chain.here.get_many(["a", "b"]) == {"a": 1, "b": None}
    assert len(chain.state("last").calls) == calls


def test_one_cache_alone_is_a_chain_too(make) -> None:
    chain = make("last")
    assert chain.here.get_or_set("key", 1) == 1
    assert chain.here.incr("key") == 2
    assert chain.here.get_many(["key", "other"]) == {"key": 2}
    assert chain.here.get("key") == 2


def test_values_that_others_put_into_the_last_cache_are_served_and_not_copied(make) -> None:
    chain = make()
    caches["last"].inner.set(":1:key", "foreign")
    caches["last"].inner.set(":1:number", 5)
    assert chain.here.get_many(["key", "number"]) == {"key": "foreign", "number": 5}
    assert chain.raw("first", "key") is None
    assert chain.raw("first", "number") is None
    assert chain.state("first").calls == ["get_many"]


@pytest.mark.parametrize("foreign", ["foreign", (), 5, ("trundle:2", None, "value")], ids=repr)
def test_values_that_others_put_into_an_earlier_cache_are_no_copies(make, foreign: Any) -> None:
    chain = make()
    chain.elsewhere.set("key", "value")
    caches["first"].inner.set(":1:key", foreign)
    assert chain.here.get("key") == "value"
    assert chain.here.get("key") == "value"
    assert chain.hits() == [1, 1, 0]


@pytest.mark.parametrize("other", [("trundle:2", "value", None, 0), ["trundle:0", "value"]], ids=repr)
def test_values_of_another_version_of_the_chain_are_not_there(make, other: Any) -> None:
    """Two releases of a site may share a cache, and each knows its own form only."""
    chain = make()
    caches["last"].inner.set(":1:key", other)
    assert chain.here.get("key", "default") == "default"
    assert chain.here.touch("key") is False
    assert chain.here.get_or_set("key", "mine") == "mine"
    assert caches["last"].inner.get(":1:key") == other
    chain.here.set("key", "mine")
    assert chain.elsewhere.get("key") == "mine"


@pytest.mark.parametrize("value", [("trundle:1", None), ["trundle:2", 1], [], ["other", 1, 2]], ids=repr)
def test_values_of_a_project_that_look_like_entries(make, value: Any) -> None:
    chain = make()
    chain.here.set("key", value)
    assert chain.elsewhere.get("key") == value


def test_a_serializer_that_makes_lists_of_tuples(make) -> None:
    chain = make()
    chain.here.set("key", "value", None)
    for name in chain.names:
        caches[name].inner.set(":1:key", list(chain.raw(name, "key")))
    assert chain.here.get("key") == "value"
    chain.clear("first")
    assert chain.here.get("key") == "value"
    assert chain.hits() == [1, 1, 0]


def test_integers_are_bare_in_the_last_cache(make) -> None:
    chain = make()
    chain.here.set("key", 5)
    chain.here.set("flag", True)
    assert chain.raw("last", "key") == 5
    assert chain.raw("last", "flag")[2] is True


def test_incr_is_decided_by_the_last_cache(make) -> None:
    chain = make()
    chain.here.set("key", 5)
    assert chain.elsewhere.incr("key") == 6
    assert chain.here.get("key") == 5
    assert chain.here.incr("key", 10) == 16
    assert chain.here.get("key") == 16
    assert chain.elsewhere.get("key") == 16
    assert chain.here.decr("key") == 15
    assert chain.here.get("key") == 15


def test_incr_of_what_is_gone_forgets_the_copy(make) -> None:
    chain = make()
    chain.here.set("key", 5)
    chain.clear("last")
    with pytest.raises(ValueError, match="not found"):
        chain.here.incr("key")
    assert chain.here.get("key") is None


def test_a_number_that_counts_is_not_copied(make) -> None:
    chain = make()
    chain.here.add("key", 5)
    chain.here.incr("key")
    for value in (6, 7):
        assert chain.here.get("key") == value
        chain.elsewhere.incr("key")
    assert chain.raw("first", "key") is None


@pytest.mark.parametrize("value", ["text", 7])
def test_add_is_decided_by_the_last_cache(make, value: Any) -> None:
    chain = make()
    assert chain.elsewhere.add("key", value) is True
    assert chain.here.add("key", "other") is False
    assert chain.here.get("key") == value
    assert chain.here.add("key", "other") is False
    assert chain.raw("first", "key")[2] == value
    chain.elsewhere.delete("key")
    assert chain.here.add("key", "new") is True
    assert chain.here.get("key") == "new"
    assert chain.elsewhere.get("key") == "new"


@pytest.mark.parametrize("value", ["text", 7])
def test_a_number_that_was_added_has_its_expiry(make, clock: Clock, value: Any) -> None:
    chain = make()
    chain.elsewhere.add("key", value, 10)
    chain.elsewhere.add("forever", value, None)
    clock.tick(5)
    assert chain.here.get_many(["key", "forever"]) == {"key": value, "forever": value}
    chain.clear("last")
    assert chain.here.get_many(["key", "forever"]) == {"key": value, "forever": value}
    clock.tick(5)
    assert chain.here.get_many(["key", "forever"]) == {"forever": value}


def test_delete_takes_it_out_of_all(make) -> None:
    chain = make("first", "second", "last")
    chain.here.set_many({"a": 1, "b": 2, "c": 3, "d": 4})
    assert chain.here.delete("a") is True
    chain.here.delete_many(iter(["b", "c"]))
    chain.here.delete_many([])
    for name in chain.names:
        assert [chain.raw(name, key) is None for key in "abcd"] == [True, True, True, False]
    caches["last"].inner.delete(":1:d")
    assert chain.here.delete("d") is False
    assert chain.here.get("d") is None


def test_clear_takes_all_out_of_all(make) -> None:
    chain = make("first", "second", "last")
    chain.here.set_many({"a": 1, "b": 2})
    chain.here.clear()
    assert [chain.raw(name, "a") for name in chain.names] == [None, None, None]


def test_what_the_last_cache_refuses_is_nowhere(make) -> None:
    chain = make()
    chain.here.set_many({"good": "old", "bad": "old", "number-bad": 1})
    chain.state("last").refused = "bad"
    assert chain.here.set_many({"good": "new", "bad": "new"}) == ["bad"]
    assert chain.raw("first", "bad") is None
    assert chain.here.get("good") == "new"
    chain.here.set("number-bad", 2)
    assert chain.here.get("number-bad") is None
    assert chain.here.set_many({}) == []


def test_what_an_earlier_cache_refuses_is_forgotten_there(make) -> None:
    chain = make()
    chain.here.set_many({"good": "old", "bad": "old"})
    chain.state("first").refused = "bad"
    assert chain.here.set_many({"good": "new", "bad": "new"}) == []
    assert chain.here.get_many(["good", "bad"]) == {"good": "new", "bad": "new"}


def test_versions_and_key_functions(make, configure) -> None:
    chain = make(
        key_settings={"VERSION": 3, "KEY_PREFIX": "shop", "KEY_FUNCTION": lambda *words: "-".join(map(str, words))}
    )
    chain.here.set("key", "value")
    chain.here.set("key", "older", version=2)
    for name in chain.names:
        assert caches[name].get("key-shop-3")[2] == "value"
        assert caches[name].get("key-shop-2")[2] == "older"
    assert chain.here.incr_version("key") == 4
    assert chain.here.get("key") is None
    assert chain.here.get("key", version=4) == "value"
    assert chain.here.decr_version("key", version=4) == 3
    assert chain.here.get_many(["key"]) == {"key": "value"}
    assert chain.here.delete("key", version=2) is True
    assert [caches[name].get("key-shop-2") for name in chain.names] == [None, None]


def test_the_default_timeout_is_the_chains(make, clock: Clock) -> None:
    chain = make(key_settings={"TIMEOUT": 20})
    chain.here.set("key", "value")
    clock.tick(19)
    assert chain.here.get("key") == "value"
    clock.tick(2)
    assert chain.here.get("key") is None


def test_has_key_and_get_or_set(make) -> None:
    chain = make()
    assert not chain.here.has_key("key")
    assert chain.here.get_or_set("key", lambda: None, 10) is None
    assert "key" in chain.here
    assert chain.here.get_or_set("key", 3) is None


@pytest.mark.parametrize("key", ["with space", "k" * 250])
def test_keys_that_memcached_refuses(make, key: str) -> None:
    """As the last cache has it: here a warning, an error with Memcached."""
    chain = make()
    for use in (lambda: chain.here.get(key), lambda: chain.here.get_many([key]), lambda: chain.here.set(key, 1)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            use()
        # The key is the chain's own, not one that it makes of it.
        assert f"':1:{key}'" in str(caught[0].message)
