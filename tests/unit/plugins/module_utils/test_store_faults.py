# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads through a proxy that spoils one request in twenty, by a seeded chance.

Whatever happens to the requests: a record that is there is that of a whole release, what was live before is as it was,
and the second run completes.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.benchmarks.proxy import FAULTS, Fault, Proxy, Request
from ansible_collections.trundle.django.plugins.module_utils import transfer
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.record import dumps
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.transfer import (
    Package,
    load_package,
    make_plan,
    publish,
    read_record,
)
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.faulty import (
    RUNS,
    Killable,
    assert_whole,
    at_once,
    by_chance,
)

pytestmark = runs_once

# An attempt in a storm of faults sends fewer files each time.
ATTEMPTS = 30


class Site:
    """A release that is live, the next one, and two ways to the store: through the proxy, and straight to it."""

    def __init__(self, s3: Any, proxy: Proxy, folder: str, live: Package, coming: Package) -> None:
        self.s3 = s3
        self.proxy = proxy
        self.folder = folder
        self.live = live
        self.coming = coming

    def store(self, endpoint: str, *, retries: int = 5) -> Store:
        options = {**self.s3.params, "endpoint_url": endpoint, "retries": retries}
        return open_store(f"{self.s3.url}/{self.folder}", StoreOptions.from_params(options))

    @property
    def direct(self) -> Store:
        return self.store(self.s3.state["endpoint_url"])

    def builder(self, package: Package, folder: Path) -> Killable:
        """The module that publishes this package."""
        options = {"store": f"{self.s3.url}/{self.folder}", "src": str(package.folder.parent)}
        return Killable("static_upload", {**self.s3.params, **options}, self.proxy, folder)

    def attempt(self, package: Package, *, retries: int = 5) -> TrundleError | None:
        """Publish through the proxy; what stopped it, if anything did."""
        store = self.store(self.proxy.endpoint, retries=retries)
        try:
            publish(store, package, make_plan(store, package), concurrency=8)
        except TrundleError as exc:
            return exc
        return None

    def check(self) -> bool:
        """Whether the coming release is published; if it is, all of it is there, and the live one always is."""
        assert_whole(self.direct, self.live)
        published = read_record(self.direct, self.coming.record.release) is not None
        if published:
            assert_whole(self.direct, self.coming)
        return published


def contents(kind: str, count: int) -> dict[str, tuple[str, bytes]]:
    files = {f"{kind}/f{n}.js": (f"{kind}/f{n}.0123456789ab.js", f"{kind} {n}".encode() * 40) for n in range(count)}
    # Also one that is compared by its content.
    return {**files, f"{kind}.txt": (f"{kind}.txt", kind.encode())}


@pytest.fixture
def site(s3: Any, proxy: Proxy, make_release: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Site]:
    """A function that makes a site of its own: v1 is live, and v2 shares files with it."""
    # A store that asks to slow down is left alone for seconds, and here it asks all the time.
    monkeypatch.setattr(transfer, "PAUSE", 0.05)
    shared = contents("shared", 4)
    live = load_package(str(make_release("v1", {**shared, **contents("old", 2)})))
    coming = load_package(str(make_release("v2", {**shared, **contents("new", 30)})))

    def make(folder: str) -> Site:
        made = Site(s3, proxy, folder, live, coming)
        proxy.reset()
        assert made.attempt(live) is None
        return made

    return make


@pytest.mark.parametrize("seed", range(RUNS))
def test_f4_faults_never_publish_a_broken_release(site: Any, seed: int) -> None:
    made = site(f"seed-{seed}")
    made.proxy.reset(by_chance(seed))
    first = made.attempt(made.coming)
    assert made.check() is (first is None), first
    second = made.attempt(made.coming)
    assert second is None, second
    assert made.check()


@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_f4_storms_never_publish_a_broken_release(site: Any, seed: int) -> None:
    """With so many faults and one retry most attempts fail: each goes on with what is missing."""
    made = site(f"storm-{seed}")
    made.proxy.reset(by_chance(seed, share=0.3))
    failed = 0
    while made.attempt(made.coming, retries=1) is not None:
        made.check()
        failed += 1
        assert failed < ATTEMPTS
    assert made.check()


@pytest.mark.parametrize("seed", range(max(1, RUNS // 4)))
def test_f4_killed_at_any_request_the_next_run_completes(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"killed-{seed}")
    builder = made.builder(made.coming, tmp_path)
    # A publish of 31 files takes some 35 requests, of which the last are the proof, the manifest and the record.
    builder.kill_at(random.Random(seed).randrange(36))
    assert builder.run() == -signal.SIGKILL
    made.proxy.reset()
    made.check()
    assert made.attempt(made.coming) is None
    assert made.check()


def other_build(site: Site, folder: Path, **changes: Any) -> Package:
    """The coming release as another builder has it."""
    record = replace(site.coming.record, **changes)
    shutil.copytree(site.coming.folder, folder / "static")
    (folder / "staticfiles.json").write_bytes(site.coming.manifest)
    (folder / "release.json").write_bytes(dumps(record))
    return load_package(str(folder))


@pytest.mark.parametrize("seed", range(max(1, RUNS // 8)))
def test_f26_two_builders_of_the_same_release(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"same-{seed}")
    other = other_build(made, tmp_path / "other", created="2026-11-21T10:00:00Z")
    made.proxy.reset(by_chance(seed, ("late",), 0.2))
    assert at_once(lambda: made.attempt(made.coming), lambda: made.attempt(other)) == [None, None]
    assert made.check()


@pytest.mark.parametrize("seed", range(max(1, RUNS // 8)))
def test_f26_two_builders_of_two_releases(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"two-{seed}")
    other = other_build(made, tmp_path / "other", release="v3")
    made.proxy.reset(by_chance(seed, ("late",), 0.2))
    assert at_once(lambda: made.attempt(made.coming), lambda: made.attempt(other)) == [None, None]
    assert made.check()
    assert_whole(made.direct, other)


@pytest.mark.parametrize("seed", range(max(1, RUNS // 8)))
def test_f9_two_builders_of_one_id_with_other_content(site: Any, make_release: Any, seed: int) -> None:
    """One of them wins, the other one is told why not, and the winner's release is whole."""
    made = site(f"other-{seed}")
    files = {**contents("shared", 4), **contents("new", 30), **contents("extra", 1)}
    other = load_package(str(make_release("v2", files)))
    made.proxy.reset(by_chance(seed, ("late",), 0.2))
    outcomes = at_once(lambda: made.attempt(made.coming), lambda: made.attempt(other))
    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    loser = next(outcome for outcome in outcomes if outcome)
    assert "is published already with other content" in loser.message
    assert_whole(made.direct, made.coming if outcomes[0] is None else other)
    assert_whole(made.direct, made.live)


def test_f9_a_loser_killed_before_its_record_leaves_the_winner_whole(
    site: Any, make_release: Any, tmp_path: Path
) -> None:
    """While it uploads, somebody else publishes its id with other content; it is killed when it sends its record."""
    made, seen = site("killed-loser"), []
    other = load_package(str(make_release("v2", {**contents("shared", 4), **contents("extra", 3)})))
    builder = made.builder(other, tmp_path)

    def see(request: Request) -> None:
        if request.method == "PUT" and not seen:
            publish(made.direct, made.coming, make_plan(made.direct, made.coming), concurrency=8)
        if STEPS["record"](request):
            builder.kill()
        seen.extend([request.target] * (request.method == "PUT"))

    builder.watch(see)
    assert builder.run() == -signal.SIGKILL
    assert seen[-1].endswith("/.releases/v2.json")
    assert made.check()


STEPS = {
    "list": lambda request: request.method == "GET" and request.number == 0,
    "upload": lambda request: request.method == "PUT" and request.number == 3,
    "prove": lambda request: request.method == "GET" and request.number > 0,
    "manifest": lambda request: request.method == "PUT" and "/.releases/manifests/" in request.target,
    "record": lambda request: request.method == "PUT" and request.target.endswith("/.releases/v2.json"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
def test_one_fault_at_any_step_is_survived(site: Any, step: str, fault: Fault) -> None:
    made, faults = site(f"{step}-{fault}"), [fault]
    made.proxy.reset(lambda request: faults.pop() if faults and STEPS[step](request) else None)
    assert made.attempt(made.coming) is None
    assert faults == []
    assert made.check()
