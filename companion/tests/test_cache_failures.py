# SPDX-License-Identifier: BSD-3-Clause
"""Caches of a chain that fail, and what it tells of itself."""

from __future__ import annotations

import gc
import logging
import pickle
import threading
from typing import Any

import pytest
from django.core.cache import caches

from trundle.cache import levels

from memory import ServerDown


def test_an_earlier_cache_that_is_down_is_passed_over_and_logged(make, caplog: pytest.LogCaptureFixture) -> None:
    chain = make("first", "second", "last")
    chain.here.set("key", 1)
    for name in ("first", "second"):
        chain.state(name).down = True
    here = chain.here
    assert here.get("key") == 1
    assert here.get_many(["key", "other"]) == {"key": 1}
    here.set("key", 2)
    assert here.set_many({"key": 3, "more": "text"}) == []
    assert here.add("new", 5) is True
    assert here.incr("key") == 4
    assert here.touch("key") is True
    assert here.has_key("key")
    assert here.get_or_set("computed", 8) == 8
    assert here.delete("key") is True
    here.delete_many(["more"])
    here.clear()
    assert here.get("new") is None
    messages = {record.getMessage() for record in caplog.records}
    assert "The cache 'first' failed to get and is passed over" in messages
    assert "The cache 'second' failed to keep a copy and is passed over" in messages
    assert "The cache 'first' failed to delete a copy and is passed over" in messages
    assert "The cache 'first' failed to clear and is passed over" in messages
    assert all(record.exc_info for record in caplog.records)
    failures = here.counters().failures
    assert failures["first"] > 5
    assert failures["last"] == 0


def test_what_failed_to_be_read_is_not_written_in_the_same_breath(make) -> None:
    chain = make()
    chain.elsewhere.set("key", "value")
    chain.state("first").down = True
    assert chain.here.get("key") == "value"
    assert chain.state("first").calls == ["get"]


def test_a_failed_copy_leaves_no_older_one(make) -> None:
    chain = make()
    chain.here.set("key", "old")
    state = chain.state("first")

    def fail() -> None:
        raise ServerDown

    state.after["set"] = fail
    chain.here.set("key", "new")
    assert state.calls[-1] == "delete_many"
    assert chain.here.get("key") == "new"


OPERATIONS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("get", ("other", "default"), "default"),
    ("get_many", (["other"],), {}),
    ("has_key", ("other",), False),
    ("set", ("key", 2), None),
    ("set", ("key", "text"), None),
    ("set_many", ({"key": 2},), ["key"]),
    ("add", ("key", 2), False),
    ("touch", ("key",), False),
    ("delete", ("key",), False),
    ("delete_many", (["key"],), None),
    ("clear", (), None),
]
NAMES = [f"{name}-{arguments}" for name, arguments, _expected in OPERATIONS]


@pytest.mark.parametrize(("operation", "arguments", "answer"), OPERATIONS, ids=NAMES)
def test_a_last_cache_that_is_down_is_an_error(make, operation: str, arguments: Any, answer: Any) -> None:
    chain = make()
    chain.here.set("key", 1)
    chain.state("last").down = True
    with pytest.raises(ServerDown):
        getattr(chain.here, operation)(*arguments)
    assert chain.here.counters().failures == {"first": 0, "last": 1}
    # What is written there or not is unknown, so no copy may say the one or the other.
    assert (chain.raw("first", "key") is None) == (operation not in ("get", "get_many", "has_key"))


@pytest.mark.parametrize(("operation", "arguments", "answer"), OPERATIONS, ids=NAMES)
def test_or_counts_as_empty(make, caplog, operation: str, arguments: Any, answer: Any) -> None:
    chain = make(strict=False)
    chain.here.set("key", 1)
    chain.state("last").down = True
    assert getattr(chain.here, operation)(*arguments) == answer
    assert "The cache 'last', the last one, failed to" in caplog.text
    assert "and counts as empty" in caplog.text
    assert (chain.raw("first", "key") is None) == (operation not in ("get", "get_many", "has_key"))


def test_incr_on_a_last_cache_that_is_down(make) -> None:
    chain = make(strict=False)
    chain.here.set("key", 1)
    chain.state("last").down = True
    assert chain.here.get("key") == 1
    with pytest.raises(ValueError, match="Key 'key' not found"):
        chain.here.incr("key")
    assert chain.here.get_or_set("key", 3) == 3


@pytest.mark.parametrize("strict", [True, False])
def test_misuse_is_an_error_in_any_case(make, strict: bool) -> None:
    chain = make(strict=strict)
    chain.here.set("key", "text")
    with pytest.raises(TypeError):
        chain.here.incr("key")
    with pytest.raises((pickle.PickleError, AttributeError)):
        chain.here.set("key", lambda: None)
    assert chain.here.get("key") == "text"
    assert chain.here.counters().failures == {"first": 0, "last": 0}


def test_a_copy_that_cannot_be_read_is_replaced(make) -> None:
    chain = make()
    chain.here.set("key", "value")
    caches["first"].inner._cache[":1::1:key"] = b"no pickle"
    assert chain.here.get("key") == "value"
    chain.here.get("key")
    assert chain.here.counters().failures["first"] == 2


def test_debug_logs_hits_and_misses_by_level(make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "trundle.cache")
    chain = make(debug=True)
    chain.elsewhere.set("key", "value")
    assert caplog.messages == []
    chain.here.get("key")
    chain.here.get("key")
    chain.here.get_many(["key", "other"])
    assert caplog.messages == [
        ":1:key: hit in last, cache 2 of 2",
        ":1:key: hit in first, cache 1 of 2",
        ":1:key: hit in first, cache 1 of 2",
        ":1:other: miss in first > last",
    ]


def test_without_debug_nothing_is_logged(make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "trundle.cache")
    chain = make()
    chain.here.set("key", "value")
    chain.here.get("key")
    chain.here.get("other")
    assert caplog.messages == []


def test_counters_are_those_of_all_threads_also_of_ended_ones(make) -> None:
    chain = make()
    chain.here.set("key", "value")

    def read() -> None:
        for _round in range(100):
            chain.here.get("key")

    for _round in range(2):
        threads = [threading.Thread(target=read) for _round in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
    counters = chain.here.counters()
    assert counters.hits == {"first": 800, "last": 0}
    assert counters.misses == 0
    tally = levels.shared(("first", "last")).tally
    assert len(tally._numbers) == 2
