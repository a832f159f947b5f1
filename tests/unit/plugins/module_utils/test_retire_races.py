# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases are retired while others are published: no record ever lacks a file."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import sweep, transfer
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.retire import Sizes
from ansible_collections.trundle.django.plugins.module_utils.store import Store
from ansible_collections.trundle.django.plugins.module_utils.sweep import Sweep
from ansible_collections.trundle.django.plugins.module_utils.transfer import Package, publish
from ansible_collections.trundle.django.plugins.module_utils.transfer import make_plan as plan_upload
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.faulty import RUNS, at_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.retiring import OLD, Scene, refused

pytestmark = runs_once


@pytest.fixture
def scene(s3: Any, make_release: Any) -> Scene:
    return Scene(s3, make_release)


def test_files_that_go_after_they_were_listed_are_uploaded_again(scene: Scene) -> None:
    """A publish that takes long: all that it wants to use again is deleted before it makes its record."""
    coming = scene.package("v3", OLD)
    plan = plan_upload(scene.store, coming)
    assert plan.uploads == ()
    scene.retire()
    assert scene.old_files() == set()
    assert publish(scene.store, coming, plan, concurrency=4)
    scene.check(coming, scene.live)


def test_a_record_that_is_made_before_the_deletion_keeps_its_files(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has asked before the deletion was written down, and makes its record while that is waited for."""
    coming = scene.package("v3", OLD)
    begin = Sweep._let_settle
    plan = plan_upload(scene.store, coming)

    def late(self: Sweep) -> None:
        monkeypatch.setattr(transfer, "undisturbed", lambda *_given, **_options: True)
        assert publish(scene.store, coming, plan, concurrency=4)
        begin(self)

    monkeypatch.setattr(Sweep, "_let_settle", late)
    done = scene.retire()
    assert set(done.deleted).isdisjoint(coming.record.files)
    scene.check(coming)


def test_a_record_that_took_long_to_be_made_is_looked_at_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """So long that who deletes did not wait for it."""
    monkeypatch.setattr(transfer, "LEAST_SETTLE", 0)
    coming, create = scene.package("v3", OLD), transfer._create_record

    def slow(store: Store, package: Package) -> bool:
        with Sweep(store, coming.record.files, settle=2):
            store.delete(coming.record.files)
        return create(store, package)

    monkeypatch.setattr(transfer, "_create_record", slow)
    assert scene.publish(coming)
    scene.check(coming)


def test_what_is_published_meanwhile_is_kept_however_little_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases come while it waits, of which one would be one too many."""
    coming = [scene.package(name, OLD) for name in ("v3", "v4")]
    plans = [plan_upload(scene.store, package) for package in coming]
    settle = Sweep._let_settle

    def late(self: Sweep) -> None:
        monkeypatch.setattr(transfer, "undisturbed", lambda *_given, **_options: True)
        for package, plan in zip(coming, plans):
            assert publish(scene.store, package, plan, concurrency=4)
        settle(self)

    monkeypatch.setattr(Sweep, "_let_settle", late)
    scene.retire()
    scene.check(*coming)


def test_a_publish_waits_for_a_deletion_of_its_files(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "POLL", 0.2)
    coming, begun = scene.package("v3", OLD), threading.Event()

    def begin() -> float:
        scene.retire(sizes=Sizes(settle=3, batch=3))
        return time.monotonic()

    def follow() -> float:
        while not (found := sweep.find(scene.store)) or not found.names:
            time.sleep(0.05)
        begun.set()
        assert scene.publish(coming)
        return time.monotonic()

    ended, published = at_once(begin, follow)
    assert begun.is_set()
    assert published > ended - 1
    scene.check(coming, scene.live)


def test_a_publish_does_not_wait_for_a_deletion_of_other_files(scene: Scene) -> None:
    with Sweep(scene.store, {"other/f.0123456789ab.js"}, settle=2, pause=time.sleep):
        coming = scene.package("v3", OLD)
        assert scene.publish(coming)
    scene.check(coming, scene.live)


def test_a_file_that_was_deleted_between_two_sweeps_is_missed_by_nobody(scene: Scene) -> None:
    """When it asks, another deletion is under way that does not concern it; the one before did."""
    coming = scene.package("v3", OLD)
    plan = plan_upload(scene.store, coming)
    scene.retire()
    with Sweep(scene.store, {"other/f.0123456789ab.js"}, settle=2):
        assert publish(scene.store, coming, plan, concurrency=4)
    scene.check(coming, scene.live)


@pytest.mark.parametrize("who", ["publish", "retire"])
def test_f27_the_deletion_of_a_run_that_was_killed_ends(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Nobody knows at first that it was: it is waited for as long as it might still delete."""
    monkeypatch.setattr(sweep, "LEASE", 6.0)
    monkeypatch.setattr(sweep, "POLL", 0.2)
    coming = scene.package("v3", OLD)
    sweep._write(scene.store, frozenset(coming.record.files), "killed", None)
    began = time.monotonic()
    if who == "publish":
        assert scene.publish(coming)
        scene.check(coming, scene.live)
    else:
        scene.retire()
        assert scene.old_files() == set()
    assert time.monotonic() - began > 6.0
    found = sweep.find(scene.store)
    assert found is not None
    assert found.names == frozenset()


def test_f27_one_that_was_killed_long_ago_is_not_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "DEAD", -5.0)
    coming = scene.package("v3", OLD)
    sweep._write(scene.store, frozenset(coming.record.files), "killed", None)
    began = time.monotonic()
    assert scene.publish(coming)
    assert time.monotonic() - began < sweep.LEASE / 2


def test_a_run_whose_time_is_over_deletes_nothing_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was held up for so long that others took it for dead."""
    monkeypatch.setattr(sweep, "RENEW", 0.0)
    settle = Sweep._let_settle

    def slow(self: Sweep) -> None:
        settle(self)
        found = sweep.find(scene.store)
        assert found is not None
        sweep._write(scene.store, frozenset(), "another", found)

    monkeypatch.setattr(Sweep, "_let_settle", slow)
    with pytest.raises(TrundleError, match="nothing more is deleted"):
        scene.retire()
    assert len(scene.old_files()) == len(OLD)


def test_it_is_written_anew_while_it_lasts(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "RENEW", 0.5)
    with Sweep(scene.store, {"a"}, settle=2) as held:
        before = sweep.find(scene.store)
        time.sleep(0.6)
        held.hold()
        after = sweep.find(scene.store)
    assert before is not None
    assert after is not None
    assert before.e_tag != after.e_tag
    assert after.names == {"a"}


def test_r68_two_who_retire_at_once_both_end(scene: Scene) -> None:
    outcomes = at_once(lambda: refused(scene.retire), lambda: refused(scene.retire))
    # The second one may find that somebody else was faster, and says so.
    assert all(not outcome or "run again" in outcome.lower() for outcome in outcomes), outcomes
    assert "" in outcomes
    scene.retire()
    assert scene.old_files() == set()
    scene.check(scene.live)


@pytest.mark.parametrize("seed", range(max(1, RUNS // 20)))
def test_r63_builders_and_retirers_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Two builders publish releases made of the same few files, again and again, while two others retire them."""
    monkeypatch.setattr(sweep, "POLL", 0.2)
    chance, over = random.Random(seed), threading.Event()
    made = [
        [scene.package(f"b{builder}-{number}", dict(chance.sample(sorted(OLD.items()), 4))) for number in range(10)]
        for builder in range(2)
    ]

    def build(packages: list[Package]) -> int:
        for package in packages:
            scene.publish(package)
            time.sleep(0.3)
        return len(packages)

    def clean() -> int:
        done = 0
        while not over.wait(chance.random()):
            refusal = refused(scene.retire)
            # The other one has written, or removed, what this one had read.
            assert not refusal or "run again" in refusal.lower() or "has just been removed" in refusal, refusal
            done += not refusal
        return done

    def both() -> int:
        try:
            return sum(at_once(*(lambda packages=packages: build(packages) for packages in made)))
        finally:
            over.set()

    published, *retired = at_once(both, clean, clean)
    assert published == 20
    assert sum(retired) > 1
    scene.check()
