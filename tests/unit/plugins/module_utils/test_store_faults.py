# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads through a proxy that spoils one request in twenty, by a seeded chance.

Whatever happens to the requests: a record that is there is that of a whole release, what was live before is as it was,
and the second run completes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
from ansible_collections.trundle.django.plugins.module_utils.verify import verify
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

pytestmark = runs_once

# More for a long search: TRUNDLE_FAULT_RUNS=200.
RUNS = int(os.environ.get("TRUNDLE_FAULT_RUNS", "40"))
SHARE = 0.05
# An attempt in a storm of faults sends fewer files each time.
ATTEMPTS = 30
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


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


def assert_whole(store: Store, package: Package) -> None:
    """Every byte and header of the release is in the store."""
    assert verify(store, package.record, headers="all", sample_size=0, concurrency=8).problems == ()
    for key in package.record.files:
        assert store.get(key) == package.path(key).read_bytes(), key


def contents(kind: str, count: int) -> dict[str, tuple[str, bytes]]:
    files = {f"{kind}/f{n}.js": (f"{kind}/f{n}.0123456789ab.js", f"{kind} {n}".encode() * 40) for n in range(count)}
    # Also one that is compared by its content.
    return {**files, f"{kind}.txt": (f"{kind}.txt", kind.encode())}


@pytest.fixture(scope="module")
def proxy(s3_state: dict[str, Any]) -> Iterator[Proxy]:
    parts = urlsplit(s3_state["endpoint_url"])
    with Proxy((str(parts.hostname), int(parts.port or 80))) as running:
        yield running


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


def by_chance(seed: int, faults: tuple[Fault, ...] = FAULTS, share: float = SHARE) -> Callable[[Request], Fault | None]:
    chance = random.Random(seed)
    return lambda _request: chance.choice(faults) if chance.random() < share else None


@pytest.mark.parametrize("seed", range(RUNS))
def test_f4_faults_never_publish_a_broken_release(site: Any, seed: int) -> None:
    made = site(f"seed-{seed}")
    made.proxy.reset(by_chance(seed))
    first = made.attempt(made.coming)
    assert made.check() is (first is None), first
    second = made.attempt(made.coming)
    assert second is None, second
    assert made.check()


@pytest.mark.parametrize("seed", range(RUNS // 4))
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


@pytest.mark.parametrize("seed", range(RUNS // 4))
def test_f4_killed_at_any_request_the_next_run_completes(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"killed-{seed}")
    builder = Builder(made, made.coming, tmp_path)
    # A publish of 31 files takes some 35 requests, of which the last are the proof, the manifest and the record.
    builder.kill_at(random.Random(seed).randrange(36))
    assert builder.run() == -signal.SIGKILL
    made.proxy.reset()
    made.check()
    assert made.attempt(made.coming) is None
    assert made.check()


class Builder:
    """The module in a process of its own, which can be killed at a certain request."""

    def __init__(self, site: Site, package: Package, folder: Path) -> None:
        options = {**site.s3.params, "endpoint_url": site.proxy.endpoint, "src": str(package.folder.parent)}
        options["store"] = f"{site.s3.url}/{site.folder}"
        given = {name: value for name, value in options.items() if value is not None}
        self.arguments = folder / "arguments.json"
        self.arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
        self.proxy = site.proxy
        self.process: subprocess.Popen[bytes] | None = None

    def kill_at(self, number: int) -> None:
        self.watch(lambda request: self.kill() if request.number == number else None)

    def watch(self, see: Callable[[Request], None]) -> None:
        """Let this see each request before the server does."""
        self.proxy.reset(see)

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def run(self) -> int:
        module = "ansible_collections.trundle.django.plugins.modules.static_upload"
        command = [sys.executable, "-m", module, str(self.arguments)]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            self.process = process
            process.communicate()
        return process.returncode


def at_once(*attempts: Callable[[], TrundleError | None]) -> list[TrundleError | None]:
    barrier = threading.Barrier(len(attempts))

    def run(attempt: Callable[[], TrundleError | None]) -> TrundleError | None:
        barrier.wait()
        return attempt()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(run, attempts))


def other_build(site: Site, folder: Path, **changes: Any) -> Package:
    """The coming release as another builder has it."""
    record = replace(site.coming.record, **changes)
    shutil.copytree(site.coming.folder, folder / "static")
    (folder / "staticfiles.json").write_bytes(site.coming.manifest)
    (folder / "release.json").write_bytes(dumps(record))
    return load_package(str(folder))


@pytest.mark.parametrize("seed", range(RUNS // 8))
def test_f26_two_builders_of_the_same_release(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"same-{seed}")
    other = other_build(made, tmp_path / "other", created="2026-11-21T10:00:00Z")
    made.proxy.reset(by_chance(seed, ("late",), 0.2))
    assert at_once(lambda: made.attempt(made.coming), lambda: made.attempt(other)) == [None, None]
    assert made.check()


@pytest.mark.parametrize("seed", range(RUNS // 8))
def test_f26_two_builders_of_two_releases(site: Any, seed: int, tmp_path: Path) -> None:
    made = site(f"two-{seed}")
    other = other_build(made, tmp_path / "other", release="v3")
    made.proxy.reset(by_chance(seed, ("late",), 0.2))
    assert at_once(lambda: made.attempt(made.coming), lambda: made.attempt(other)) == [None, None]
    assert made.check()
    assert_whole(made.direct, other)


@pytest.mark.parametrize("seed", range(RUNS // 8))
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
    builder = Builder(made, other, tmp_path)

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
