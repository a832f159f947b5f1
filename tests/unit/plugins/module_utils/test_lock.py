# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.lock import (
    Lock,
    Taken,
    find,
    give_back,
    lock_key,
    new_lock,
    renew,
    take,
)
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.store_objects import ObjectStore
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture(params=["s3", "file"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """The kinds of stores that write on a condition each in its own way."""
    if request.param == "s3":
        store: Store = request.getfixturevalue("store")
        return store
    folder = tmp_path / "static"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    return open_store(f"file://{folder}", StoreOptions())


def of(holder: str, ttl: int = 600) -> Lock:
    return new_lock(holder=holder, host="laptop1", purpose="deploy of v1", ttl=ttl)


def expire(store: Store, name: str = "shop") -> None:
    """Let the time of the lock that is held run out."""
    while (found := find(store, name)) and found.held:
        time.sleep(0.2)


def no_pause(_seconds: float) -> None:
    raise AssertionError("nothing is to be waited for")


def test_the_first_one_creates_the_lock(s3: Any, store: Store) -> None:
    wanted = of("alice")
    taken = take(store, "shop", wanted)
    assert taken == Taken(lease=wanted.lease or "", changed=True, after=None)
    found = find(store, "shop")
    assert found is not None
    assert found.held
    assert found.lock == wanted
    assert s3.requests("PUT") == [("PUT", ".releases/locks/shop.json")]
    assert s3.requests("DELETE") == []
    headers = store.head(lock_key("shop"))
    assert headers is not None
    assert headers.cache_control == "private, no-store"


def test_f26_a_second_deploy_stops_and_names_the_holder(s3: Any, store: Store) -> None:
    take(store, "shop", of("alice"))
    before = store.get(lock_key("shop"))
    s3.control()
    with pytest.raises(TrundleError) as caught:
        take(store, "shop", of("bob"), unlock="ansible-playbook unlock", pause=no_pause)
    message = caught.value.message
    assert "Another deploy is running: alice on laptop1 (deploy of v1), since 20" in message
    assert (
        f"and until {caught.value.details['lock']['expires']} holds the lock {store.url(lock_key('shop'))}" in message
    )
    assert "If it was killed, its lock can be taken over in 10 min." in message
    assert message.endswith("this gives its lock back: ansible-playbook unlock")
    assert caught.value.details["lock"]["holder"] == "alice"
    assert caught.value.details["lock"]["expires"] > caught.value.details["lock"]["taken"]
    assert store.get(lock_key("shop")) == before
    assert s3.requests("PUT") == []


def test_f26_a_second_deploy_waits_until_the_first_has_ended(any_store: Store) -> None:
    first, told = take(any_store, "shop", of("alice")), []

    def pause(seconds: float) -> None:
        assert 0 < seconds <= 7.5
        give_back(any_store, "shop", first.lease)

    second = take(any_store, "shop", of("bob"), wait=60, pause=pause, waiting=lambda: told.append(1))
    assert (second.changed, second.after, told) == (True, None, [1])
    found = find(any_store, "shop")
    assert found is not None
    assert found.lock.holder == "bob"


def test_waiting_ends_and_says_how_long_it_was(store: Store) -> None:
    take(store, "shop", of("alice"))
    started = time.monotonic()
    with pytest.raises(TrundleError, match=r"alice .* It was waited for 1 seconds"):
        take(store, "shop", of("bob"), wait=1)
    assert 1 <= time.monotonic() - started < 5


def test_locks_of_other_names_do_not_matter(store: Store) -> None:
    take(store, "shop.example.com", of("alice"))
    assert take(store, "staging.example.com", of("bob"), pause=no_pause).changed


def test_f26_a_stale_lock_is_taken_over_after_its_expiry_only(any_store: Store) -> None:
    take(any_store, "shop", of("alice", ttl=2))
    with pytest.raises(TrundleError, match="alice"):
        take(any_store, "shop", of("bob"), pause=no_pause)
    expire(any_store)
    taken = take(any_store, "shop", of("bob"), pause=no_pause)
    assert taken.after is not None
    assert taken.after.told()["holder"] == "alice"


def test_f27_the_lock_of_a_run_that_was_killed_is_taken_over_by_who_says_when_it_was_taken(any_store: Store) -> None:
    take(any_store, "shop", of("alice"))
    with pytest.raises(TrundleError) as caught:
        take(any_store, "shop", of("bob"), take_over="2026-01-01T00:00:00Z", pause=no_pause)
    when = caught.value.details["lock"]["taken"]
    taken = take(any_store, "shop", of("bob"), take_over=when, pause=no_pause)
    assert taken.after is not None
    assert taken.after.lock.holder == "alice"
    found = find(any_store, "shop")
    assert found is not None
    assert (found.lock.holder, found.lock.lease) == ("bob", taken.lease)


def test_f27_a_lock_tells_which_run_holds_it(store: Store) -> None:
    take(store, "shop", new_lock(holder="alice", host="laptop1", purpose="deploy", ttl=600, run="boot/pid:[1]/7/9"))
    with pytest.raises(TrundleError) as caught:
        take(store, "shop", of("bob"), pause=no_pause)
    assert caught.value.details["lock"]["run"] == "boot/pid:[1]/7/9"


def test_a_lock_from_before_runs_had_a_name_is_known(store: Store) -> None:
    take(store, "shop", of("alice"))
    document = json.loads(store.get(lock_key("shop")) or b"")
    del document["run"]
    store.put(lock_key("shop"), json.dumps(document).encode(), JSON)
    found = find(store, "shop")
    assert found is not None
    assert (found.lock.holder, found.lock.run) == ("alice", "")


@runs_once
def test_f26_of_many_takers_of_a_free_or_stale_lock_one_wins(any_store: Store) -> None:
    for _turn in ("free", "stale"):
        together = threading.Barrier(8)

        def attempt(number: int) -> str:
            together.wait()  # noqa: B023 (called within this turn)
            try:
                return take(any_store, "shop", of(f"taker{number}", ttl=5)).lease
            except TrundleError as exc:
                return exc.message

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(attempt, range(8)))
        found = find(any_store, "shop")
        assert found is not None
        lost = [text for text in told if text.startswith("Another deploy is running: taker")]
        assert len(lost) == 7
        assert set(told) - set(lost) == {found.lock.lease}
        expire(any_store)


def test_f26_a_slow_taker_does_not_overwrite_a_faster_one(any_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its reading of the expired lock and its writing, somebody else takes over."""
    take(any_store, "shop", of("alice", ttl=1))
    expire(any_store)
    replace = type(any_store).replace

    def late(self: Store, *arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(type(any_store), "replace", replace)
        take(any_store, "shop", of("carol"))
        replace(self, *arguments, **options)

    monkeypatch.setattr(type(any_store), "replace", late)
    with pytest.raises(TrundleError, match="Another deploy is running: carol"):
        take(any_store, "shop", of("bob"))


@pytest.mark.parametrize("turn", ["first", "later"])
def test_a_write_whose_answer_was_lost_is_ours(store: Store, monkeypatch: pytest.MonkeyPatch, turn: str) -> None:
    """The write is sent again, and then meets itself."""
    if turn == "later":
        give_back(store, "shop", take(store, "shop", of("alice")).lease)
    name = "put" if turn == "first" else "replace"
    method = getattr(ObjectStore, name)

    def twice(self: Store, *arguments: Any, **options: Any) -> None:
        method(self, *arguments, **options)
        method(self, *arguments, **options)

    monkeypatch.setattr(ObjectStore, name, twice)
    wanted = of("bob")
    assert take(store, "shop", wanted, pause=no_pause).lease == wanted.lease
    monkeypatch.setattr(ObjectStore, "replace", twice if name == "replace" else ObjectStore.replace)
    given = give_back(store, "shop", wanted.lease)
    assert given is not None
    assert given.lock.holder == "bob"


def test_giving_back_is_for_the_holder(any_store: Store) -> None:
    first = take(any_store, "shop", of("alice", ttl=1))
    expire(any_store)
    second = take(any_store, "shop", of("bob"))
    assert give_back(any_store, "shop", first.lease) is None
    found = find(any_store, "shop")
    assert found is not None
    assert (found.held, found.lock.lease) == (True, second.lease)
    given = give_back(any_store, "shop", second.lease)
    assert given is not None
    assert give_back(any_store, "shop", second.lease) is None
    assert give_back(any_store, "nothing", second.lease) is None


def test_f26_giving_back_late_leaves_the_lock_of_who_took_over(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take(any_store, "shop", of("alice", ttl=1))
    expire(any_store)
    replace = type(any_store).replace

    def late(self: Store, *arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(type(any_store), "replace", replace)
        take(any_store, "shop", of("bob"))
        replace(self, *arguments, **options)

    monkeypatch.setattr(type(any_store), "replace", late)
    give_back(any_store, "shop", first.lease)
    found = find(any_store, "shop")
    assert found is not None
    assert (found.held, found.lock.holder) == (True, "bob")


def test_a_lock_of_anybody_can_be_given_back(store: Store) -> None:
    take(store, "shop", of("alice"))
    given = give_back(store, "shop", None)
    assert given is not None
    assert given.lock.holder == "alice"
    assert take(store, "shop", of("bob"), pause=no_pause).after is None


def test_renewing_writes_when_a_tenth_of_the_time_is_over(s3: Any, store: Store) -> None:
    wanted = of("alice", ttl=600)
    lease = take(store, "shop", wanted).lease
    s3.control()
    assert renew(store, "shop", lease, ttl=600) == Taken(lease, changed=False)
    assert s3.requests("PUT") == []
    assert renew(store, "shop", lease, ttl=700) == Taken(lease, changed=True)
    found = find(store, "shop")
    assert found is not None
    assert (found.lock.ttl, found.lock.taken, found.lock.lease) == (700, wanted.taken, lease)


def test_f26_a_lock_that_was_lost_is_not_renewed(any_store: Store) -> None:
    lease = take(any_store, "shop", of("alice", ttl=1)).lease
    expire(any_store)
    # Late, but nobody has come in between.
    assert renew(any_store, "shop", lease, ttl=1).changed
    expire(any_store)
    take(any_store, "shop", of("bob"))
    with pytest.raises(TrundleError, match=r"was lost: bob on laptop1 .* holds it now") as caught:
        renew(any_store, "shop", lease, ttl=600)
    assert caught.value.details["lock"]["holder"] == "bob"
    give_back(any_store, "shop", None)
    with pytest.raises(TrundleError, match="was lost: nobody holds it now"):
        renew(any_store, "shop", lease, ttl=600)


def test_check_mode_writes_nothing_and_does_not_wait(s3: Any, store: Store) -> None:
    assert take(store, "shop", of("alice"), check_mode=True).changed
    assert find(store, "shop") is None
    lease = take(store, "shop", of("alice")).lease
    s3.control()
    with pytest.raises(TrundleError, match="alice"):
        take(store, "shop", of("bob"), check_mode=True)
    assert take(store, "shop", of("bob"), check_mode=True, wait=60, pause=no_pause).changed
    assert renew(store, "shop", lease, ttl=1300, check_mode=True).changed
    assert give_back(store, "shop", lease, check_mode=True)
    assert s3.requests("PUT") == []


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"schema": 2}', b"no"], ids=["empty", "list", "schema", "text"])
def test_a_lock_that_is_not_known_stops(store: Store, content: bytes) -> None:
    store.put(lock_key("shop"), content, JSON)
    with pytest.raises(TrundleError, match=r"[tT]he lock s3://.*shop.json"):
        take(store, "shop", of("bob"))


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "ü"])
def test_a_name_that_is_no_object_name_is_refused(name: str) -> None:
    with pytest.raises(TrundleError, match="of the lock is not valid"):
        lock_key(name)


def test_a_lock_without_time_is_refused() -> None:
    with pytest.raises(TrundleError, match="not 0"):
        of("alice", ttl=0)


def test_a_store_that_cannot_be_reached_is_told(s3: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params({**s3.params, **s3.state["reader"]}))
    with pytest.raises(TrundleError, match="these credentials may not do that"):
        take(store, "shop", of("alice"))
