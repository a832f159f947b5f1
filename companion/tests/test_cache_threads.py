# SPDX-License-Identifier: BSD-3-Clause
"""Chains in threads and in coroutines."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from trundle.cache import ChainedCache

from memory import ServerDown


def test_a_connection_of_its_own_for_each_thread(make) -> None:
    """Clients of servers are not safe to share, so a chain that is shared must not share them."""
    here = make().here
    found: list[Any] = []

    def look() -> None:
        here.set("key", "value")
        found.append(here._levels().last)

    for _round in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert len({id(cache) for cache in found}) == 3


@pytest.mark.parametrize("write", ["set", "set_many", "delete", "delete_many", "touch", "incr", "clear"])
def test_a_late_copy_does_not_cover_a_write(make, write: str) -> None:
    """A reader has the old value in its hands while another thread of the same process writes."""
    chain = make()
    chain.elsewhere.set("key", 1)
    arguments: dict[str, tuple[Any, ...]] = {
        "set": ("key", 2),
        "set_many": ({"key": 2},),
        "delete_many": (["key"],),
        "clear": (),
    }

    def other_thread() -> None:
        thread = threading.Thread(target=lambda: getattr(chain.here, write)(*arguments.get(write, ("key",))))
        thread.start()
        thread.join()

    chain.state("last").after["get_many"] = other_thread
    assert chain.here.get("key") == 1
    now = {"delete": None, "delete_many": None, "clear": None, "touch": 1}.get(write, 2)
    assert chain.here.get("key") == now


@pytest.mark.parametrize("moment", ["set", "set_many"])
def test_of_two_writes_the_last_one_stays(make, moment: str) -> None:
    """The first writer is overtaken between its write to the last cache and its copy."""
    chain = make()

    def other_thread() -> None:
        thread = threading.Thread(target=lambda: chain.here.set("key", "second"))
        thread.start()
        thread.join()

    chain.state("last").after[moment] = other_thread
    if moment == "set":
        chain.here.set("key", "first")
    else:
        chain.here.set_many({"key": "first"})
    assert chain.here.get("key") == "second"
    chain.here.set("key", "third")
    assert chain.raw("first", "key")[2] == "third"


def test_a_write_that_begins_within_another_is_not_sure_to_be_the_last(make) -> None:
    """The other way round: the second writer has written, but the first one's write arrives after it."""
    chain = make()
    first_waits, second_done = threading.Event(), threading.Event()

    def first() -> None:
        watch = chain.here._shared.writes.write([":1:key"])
        first_waits.set()
        second_done.wait(5)
        watch.end()

    thread = threading.Thread(target=first)
    thread.start()
    first_waits.wait(5)
    chain.here.set("key", "second")
    assert chain.raw("first", "key") is None
    second_done.set()
    thread.join()
    chain.here.set("key", "third")
    assert chain.raw("first", "key")[2] == "third"


def test_a_read_that_begins_within_a_write_leaves_no_copy(make) -> None:
    """The writer is done with all caches before the reader comes with the value of before."""
    chain = make()
    chain.elsewhere.set("key", "old")
    watch = chain.here._shared.writes.write([":1:key"])
    assert chain.here.get("key") == "old"
    assert chain.raw("first", "key") is None
    watch.end()
    assert chain.here.get("key") == "old"
    assert chain.raw("first", "key")[2] == "old"


def test_close_closes_what_was_opened(make) -> None:
    chain = make()
    chain.here.close()
    chain.here.set("key", "value")
    chain.here.close()
    assert [chain.state(name).calls[-1] for name in chain.names] == ["close", "close"]

    def fail() -> None:
        raise ServerDown

    chain.state("first").after["close"] = fail
    chain.here.close()
    assert chain.here.counters().failures == {"first": 1, "last": 0}


async def use_all(cache: ChainedCache) -> None:
    await cache.aset("key", 1, 10)
    assert await cache.aget("key") == 1
    assert await cache.aincr("key", 2) == 3
    assert await cache.adecr("key") == 2
    assert await cache.aadd("key", 5) is False
    assert await cache.atouch("key") is True
    assert await cache.ahas_key("key") is True
    assert await cache.aset_many({"a": None, "b": 2}) == []
    assert await cache.aget_many(["a", "b", "c"]) == {"a": None, "b": 2}
    await cache.adelete_many(["a"])
    assert await cache.aget_or_set("a", lambda: "made") == "made"
    assert await cache.aincr_version("a") == 2
    assert await cache.adecr_version("a", version=2) == 1
    assert await cache.adelete("a") is True
    await cache.aclear()
    assert await cache.aget("key", "default") == "default"
    await cache.aclose()


def test_async(make) -> None:
    chain = make()
    asyncio.run(use_all(chain.here))
    # Each of them is the one operation, not Django's get and set.
    assert "incr" in chain.state("last").calls
    assert "set_many" in chain.state("last").calls


def test_async_incr_loses_nothing(make) -> None:
    chain = make()
    chain.here.set("key", 0)

    async def count() -> None:
        await asyncio.gather(*(chain.here.aincr("key") for _round in range(50)))

    asyncio.run(count())
    assert chain.here.get("key") == 50
