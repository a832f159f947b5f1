# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases are retired by runs that are killed, and over a line that fails: no record ever lacks a file."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.benchmarks.proxy import Proxy, Request
from ansible_collections.trundle.django.plugins.module_utils import sweep
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.module_utils.retire import Policy, Sizes, make_plan, retire
from ansible_collections.trundle.django.plugins.module_utils.store import StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.store_survey import survey
from ansible_collections.trundle.django.plugins.module_utils.transfer import load_package, publish
from ansible_collections.trundle.django.plugins.module_utils.transfer import make_plan as plan_upload
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.faulty import RUNS, Killable, by_chance
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.retiring import (
    FAST,
    NEW,
    OLD,
    STRICT,
    Scene,
    refused,
)

pytestmark = runs_once


@pytest.fixture
def scene(s3: Any, make_release: Any) -> Scene:
    return Scene(s3, make_release)


class Retirer:
    """The module, which can be killed at a certain request."""

    def __init__(self, scene: Scene, proxy: Proxy, folder: Path) -> None:
        options = {"in_use": ["v2"], "keep": 1, "keep_days": 0, "grace_days": 0, "settle": 2, "used_by": "shop.test"}
        self.killable = Killable("static_retire", {**scene.s3.params, **options}, proxy, folder)
        self.scene = scene

    def run(self, see: Callable[[Request], bool]) -> int:
        """Kill it when this says so of a request, which the server still gets."""
        self.killable.watch(lambda request: self.killable.kill() if see(request) else None)
        return self.killable.run()


@pytest.fixture
def old_and_live(scene: Scene) -> Scene:
    """v1 and v3 are there too, to be retired; v2 is live."""
    scene.publish(scene.package("v1", OLD))
    scene.publish(scene.package("v3", {**NEW, "own.js": ("own.aaaaaaaaaaaa.js", b"own")}))
    return scene


@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_r63_killed_at_any_request_nothing_dangles(
    old_and_live: Scene, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    scene, retirer = old_and_live, Retirer(old_and_live, proxy, tmp_path)
    number = random.Random(seed).randrange(20)
    assert retirer.run(lambda request: request.number == number) == -signal.SIGKILL
    scene.check(scene.live)
    # The next one takes what was left for what it is, and ends the work.
    monkeypatch.setattr(sweep, "LEASE", 0.5)
    monkeypatch.setattr(sweep, "POLL", 0.2)
    policy = Policy(keep=1, keep_days=0, grace_days=0, in_use=frozenset({"v2"}), used_by="shop.test")
    scene.retire(policy)
    assert scene.old_files() == set()
    assert not make_plan(scene.store, policy).changes
    scene.check(scene.live)
    assert {one.record.release for one in survey(scene.store).releases} == {"v2", "v3"}


@pytest.mark.parametrize("seed", range(max(1, RUNS // 2)))
def test_r63_faults_never_leave_a_record_without_a_file(
    old_and_live: Scene, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """One request in five is spoilt; what a run does not do, a later one does."""
    monkeypatch.setattr(sweep, "LEAST_SETTLE", 0)
    monkeypatch.setattr(sweep, "LEASE", 0.2)
    monkeypatch.setattr(sweep, "POLL", 0.1)
    scene = old_and_live
    store = open_store(scene.s3.url, StoreOptions.from_params({**scene.s3.params, "endpoint_url": proxy.endpoint}))
    policy = Policy(keep=1, keep_days=0, grace_days=0, in_use=frozenset({"v2"}), used_by="shop.test")
    proxy.reset(by_chance(seed, share=0.2))
    refusals = []
    while not refusals or refusals[-1]:
        assert len(refusals) < 10, refusals
        refusals.append(refused(lambda: retire(store, policy, make_plan(store, policy), Progress(), sizes=Sizes(0, 3))))
        scene.check(scene.live)
    proxy.reset()
    assert refused(lambda: scene.retire(policy, Sizes(0))) == ""
    assert scene.old_files() == set()
    assert not make_plan(scene.store, policy).changes


@pytest.mark.parametrize("seed", range(max(1, RUNS // 5)))
def test_r63_killed_at_any_moment_nothing_dangles_on_a_disk(
    make_release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    folder = tmp_path / "efs" / "static"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    store = open_store(f"file://{folder}", StoreOptions())
    live = load_package(str(make_release("v2", NEW)))
    for package in (load_package(str(make_release("v1", OLD))), live):
        publish(store, package, plan_upload(store, package), concurrency=4)
    options = {"in_use": ["v2"], "keep": 1, "keep_days": 0, "grace_days": 0, "settle": 2}
    killable = Killable("static_retire", {"store": f"file://{folder}", **options}, None, tmp_path)
    # It waits for two seconds, and then deletes within less than a tenth of one.
    timer = threading.Timer(random.Random(seed).uniform(1.5, 4.0), killable.kill)
    timer.start()
    killable.run()
    timer.cancel()
    monkeypatch.setattr(sweep, "LEASE", 0.5)
    monkeypatch.setattr(sweep, "POLL", 0.2)
    for _turn in range(2):
        assert all((folder / key).read_bytes() == live.path(key).read_bytes() for key in live.record.files)
        assert {one.record.release: one.missing for one in survey(store).releases if one.missing} == {}
        retire(store, STRICT, make_plan(store, STRICT), Progress(), sizes=FAST)
    assert not (folder / "old").exists()


DELETIONS = {
    "sweep": lambda request: request.method == "PUT" and request.target.endswith("/retire/sweep.json"),
    "marks": lambda request: request.method == "PUT" and request.target.endswith("/retire/unreferenced.json"),
    "delete": lambda request: request.method == "POST",
}


@pytest.mark.parametrize("step", DELETIONS)
@pytest.mark.parametrize("number", range(3))
def test_r63_killed_at_each_step_a_publish_ends_right(
    old_and_live: Scene, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    """Somebody publishes a release of the same files just after that."""
    scene, seen = old_and_live, []

    def see(request: Request) -> bool:
        seen.extend([request] * DELETIONS[step](request))
        return len(seen) > number

    code = Retirer(scene, proxy, tmp_path).run(see)
    assert code == (-signal.SIGKILL if len(seen) > number else 0)
    monkeypatch.setattr(sweep, "LEASE", 0.5)
    monkeypatch.setattr(sweep, "POLL", 0.2)
    coming = scene.package("v4", OLD)
    assert scene.publish(coming)
    scene.check(coming, scene.live)
