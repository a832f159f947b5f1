# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swap leaves, wherever it fails or is killed. The integration target has a real systemd, nginx and gunicorn."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import (
    files,
    health,
    instance,
    nginx,
    record,
    releases,
    swap,
)
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.health import Answer, Patience, Target
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx, Worker
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree

GOLDEN = Path(__file__).parents[3] / "golden"
OWN, FRONT = Target(path="/ready"), Target(path="/front", port=8080)


class KilledError(BaseException):
    """As of a process that is killed, nothing comes after it."""


class Host:
    """systemd and nginx of a host; each change of it is an event, at which the process may be killed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.tree = Tree(str(folder / "shop"))
        self.tree.create()
        self.active: dict[str, str] = {}
        self.at_boot = folder / "boot"
        self.at_boot.mkdir()
        self.loaded = b""
        self.generation = 0
        self.sick: set[str] = set()
        self.sick_in_front: set[str] = set()
        self.wrong_id: dict[str, str] = {}
        self.refused = ""
        self.events: list[str] = []
        self.killed_at: int | None = None
        self.watched = False
        self.upstream = folder / "upstream.conf"
        self.site = swap.Site("shop", self.tree, self.upstream, Path("/run/shop"), Nginx(run=self.run))
        self._patch(monkeypatch)

    def _patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "probe", self.probe)
        monkeypatch.setattr(Nginx, "master", lambda _self: 1)
        monkeypatch.setattr(nginx, "workers", lambda _master: [Worker(self.generation + 2, "0", leaving=False)])
        monkeypatch.setattr(os, "kill", self.reload)
        monkeypatch.setattr(instance, "others", functools.partial(instance.others, at_boot=self.at_boot))
        for module, name in ((nginx, "atomic_write"), (states, "atomic_write"), (releases, "atomic_link")):
            real = getattr(files, name)
            monkeypatch.setattr(module, name, lambda *args, real=real: self.write(real, *args))

    def event(self, text: str, change: Callable[[], object]) -> None:
        """Killed before it; the one before that has happened."""
        if self.killed_at is not None and len(self.events) >= self.killed_at:
            raise KilledError
        change()
        self.events.append(text)
        assert not self.watched or self.serves() is not None, f"an outage after {self.events}"

    def write(self, real: Callable[..., object], first: Any, second: Any) -> None:
        named = second if isinstance(second, Path) else first
        self.event(f"write {named.name}", lambda: real(first, second))

    def reload(self, _pid: int, number: int) -> None:
        assert number == signal.SIGHUP
        self.event("reload", self._reload)

    def _reload(self) -> None:
        self.loaded, self.generation = self.upstream.read_bytes(), self.generation + 1

    def enabled(self) -> set[str]:
        return {link.name for link in self.at_boot.iterdir()}

    def serves(self) -> str | None:
        """The release that gets the requests, when it is there to answer them."""
        name = re.search(rb"/([^/]+)\.sock", self.loaded)
        release = name[1].decode() if name else ""
        return release if self.active.get(f"shop@{release}.service") == "active" else None

    def probe(self, target: Target, _timeout: float) -> Answer:
        if target.socket is not None:
            release, sick = Path(target.socket).stem, self.sick
        else:
            release, sick = self.serves() or "", self.sick_in_front
        if self.active.get(f"shop@{release}.service") != "active":
            return Answer(error="connection refused")
        return Answer(status=503 if release in sick else 200, release=self.wrong_id.get(release, release))

    def run(self, words: list[str]) -> tuple[int, str, str]:
        verb, units = words[1], [word for word in words if word.startswith("shop@")]
        if " ".join(words).startswith(self.refused or "-"):
            return 1, "", "refused"
        if words[0] != "systemctl":
            return 0, "it said why\n", ""
        if verb == "show":
            fields = "LoadState=loaded\nActiveState={}\nExecMainStartTimestampMonotonic=1\n"
            return 0, "\n".join(fields.format(self.active.get(unit, "inactive")) for unit in units), ""
        if verb == "is-enabled":
            return (0 if units[0] in self.enabled() else 1), "", ""
        if verb == "list-units":
            return 0, "".join(f"{unit} loaded {state} x\n" for unit, state in self.active.items()), ""
        self.event(" ".join(words[1:]), lambda: self.change(verb, units))
        return 0, "", ""

    def change(self, verb: str, units: list[str]) -> None:
        for unit in units:
            if verb == "enable":
                (self.at_boot / unit).touch()
            elif verb == "disable":
                (self.at_boot / unit).unlink()
            elif verb == "start":
                self.active[unit] = self.active[unit.replace(".socket", ".service")] = "active"
            elif verb in ("stop", "reset-failed"):
                self.active[unit] = "inactive"

    def stage(self, *ids: str) -> None:
        for release in ids:
            folder = self.tree.folder(release)
            folder.mkdir()
            found = replace(record.parse((GOLDEN / "release-v1.json").read_bytes()), release=release)
            (folder / "staticfiles.json").write_bytes((GOLDEN / "staticfiles-v1.json").read_bytes())
            (folder / "release.json").write_bytes(record.dumps(found))

    def swap(self, release: str, *, killed_at: int | None = None, **options: bool) -> swap.Swapped | None:
        self.events, self.killed_at = [], killed_at
        checks = swap.Checks(OWN, FRONT, Patience(wait=0.05, interval=0.01, consecutive=2), required=True)
        given = {"allow_bad": False, "keep_failed": False, **options}
        found = swap.look(self.site, release, allow_bad=given["allow_bad"])
        if found.is_done(release):
            return None
        return swap.swap(self.site, checks, found, release, drain_timeout=1, **given)

    def assert_serves(self, release: str) -> None:
        running = {unit for unit, state in self.active.items() if state == "active"}
        assert running == {f"shop@{release}.socket", f"shop@{release}.service"}
        assert self.enabled() == {f"shop@{release}.socket"}
        assert self.serves() == release
        assert nginx.is_current(self.upstream, self.site.rendered(release))
        assert (states.read(self.tree.state_path).active, self.tree.linked()) == (release, release)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """v1 serves; v2 and v3 are staged."""
    found = Host(tmp_path, monkeypatch)
    found.stage("v1", "v2", "v3")
    found.swap("v1")
    found.watched = True
    return found


def test_the_new_release_is_proven_before_it_gets_requests_and_the_old_one_ends_last(host: Host) -> None:
    done = host.swap("v2")
    assert host.events == [
        "enable --quiet --no-reload -- shop@v2.socket",
        "start -- shop@v2.socket",
        "write .upstream.conf.pending",
        "write upstream.conf",
        "reload",
        "write current",
        "write state.json",
        "disable --quiet --no-reload -- shop@v1.socket",
        "stop --no-block -- shop@v1.socket shop@v1.service",
    ]
    assert done is not None
    assert list(done.steps) == ["start", "prove", "switch", "prove_front", "activate", "end"]
    assert done.boot_seconds is not None
    assert (done.drained, done.ended) == (True, ["shop@v1.service"])
    host.assert_serves("v2")
    assert host.swap("v2") is None


def test_f14_f16_a_release_that_is_not_healthy_never_gets_a_request(host: Host) -> None:
    host.sick.add("v2")
    with pytest.raises(TrundleError, match=r"v2.sock/ready is not healthy: .*503.* Undone on this host: v2 is stopped"):
        host.swap("v2")
    assert "reload" not in host.events
    host.assert_serves("v1")


def test_f19_another_release_id_is_found_out(host: Host) -> None:
    host.wrong_id["v2"] = "v1"
    with pytest.raises(TrundleError, match="it serves release 'v1' where 'v2' is expected") as told:
        host.swap("v2")
    assert told.value.details["journal"] == ["it said why"]
    host.assert_serves("v1")


def test_f18_what_fails_behind_nginx_gives_the_requests_back_before_it_ends(host: Host) -> None:
    host.sick_in_front.add("v2")
    with pytest.raises(TrundleError, match="requests go to v1, v2 is stopped") as told:
        host.swap("v2")
    assert told.value.details["undone"] == ["requests go to v1", "v2 is stopped"]
    assert host.events.index("stop -- shop@v2.socket shop@v2.service") > len(host.events) - 3
    host.assert_serves("v1")


@pytest.mark.parametrize(
    "refused",
    ["systemctl enable", "systemctl start", "nginx -t", "systemctl disable --quiet --no-reload -- shop@v1.socket"],
)
def test_each_step_that_fails_is_undone(host: Host, refused: str) -> None:
    host.refused = refused
    with pytest.raises(TrundleError, match=r"refuse.* on this host"):
        host.swap("v2")
    host.assert_serves("v1")


def test_an_undo_that_fails_says_so_and_ends_nothing_that_may_have_requests(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nginx is taken away once the requests go to v2."""
    host.sick_in_front.add("v2")
    reload = host._reload

    def once() -> None:
        reload()
        host.refused = "nginx"

    monkeypatch.setattr(host, "_reload", once)
    with pytest.raises(TrundleError, match="Failed to undo the rest: nginx refuses the configuration"):
        host.swap("v2")
    assert host.serves() == "v2"
    host.refused = ""
    host.swap("v3")
    host.assert_serves("v3")


def test_the_first_release_has_nothing_to_go_back_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, monkeypatch)
    host.stage("v1")
    host.sick_in_front.add("v1")
    with pytest.raises(TrundleError, match="requests go to no release, v1 is stopped"):
        host.swap("v1")
    assert b"/run/shop/none.sock" in host.loaded
    assert not host.enabled()


def test_a_release_that_serves_is_not_undone(host: Host) -> None:
    """Its instance is to be repaired, and there is no other one."""
    (host.at_boot / "shop@v1.socket").unlink()
    host.sick.add("v1")
    with pytest.raises(TrundleError, match="Nothing had to be undone"):
        host.swap("v1")
    assert host.serves() == "v1"


def test_a_release_that_fails_can_be_kept_for_a_look(host: Host) -> None:
    host.sick_in_front.add("v2")
    with pytest.raises(TrundleError, match="Undone on this host: requests go to v1"):
        host.swap("v2", keep_failed=True)
    assert host.serves() == "v1"
    assert host.active["shop@v2.service"] == "active"
    host.swap("v1")
    host.assert_serves("v1")


def test_what_is_not_to_be_served_is_refused_before_anything_changes(host: Host) -> None:
    host.tree.folder("v3").joinpath("release.json").unlink()
    with pytest.raises(TrundleError, match="'v3' is not complete"):
        host.swap("v3")
    found = states.read(host.tree.state_path)
    states.write(host.tree.state_path, states.mark_bad(found, "v2", reason="503", now="2026-11-21T09:00:00Z"))
    with pytest.raises(TrundleError, match="'v2' has been bad"):
        host.swap("v2")
    host.assert_serves("v1")
    host.swap("v2", allow_bad=True)
    host.assert_serves("v2")
    assert list(states.read(host.tree.state_path).bad) == ["v2"]


@pytest.mark.parametrize("following", ["v1", "v2", "v3"])
@pytest.mark.parametrize("fails", ["", "own", "front"])
def test_f27_a_swap_that_is_killed_anywhere_is_completed_or_undone_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, following: str
) -> None:
    """At each moment of the way forward and of the way back; there is never a moment without an answer."""
    for moment in range(100):
        folder = tmp_path / str(moment)
        folder.mkdir()
        with monkeypatch.context() as patch:
            host = Host(folder, patch)
            host.stage("v1", "v2", "v3")
            host.swap("v1")
            host.watched = True
            for sick in {"own": [host.sick], "front": [host.sick_in_front]}.get(fails, []):
                sick.add("v2")
            try:
                with suppress(TrundleError):
                    host.swap("v2", killed_at=moment)
                break
            except KilledError:
                pass
            host.sick.clear()
            host.sick_in_front.clear()
            host.swap(following)
            host.assert_serves(following)
    assert moment >= {"": 9, "own": 4, "front": 10}[fails]


def test_f27_a_killed_swap_that_fails_the_next_time_goes_back_to_what_ran_before_both(host: Host) -> None:
    # "write state.json", the last event before the old one ends, is where v2 becomes what is gone back to.
    for moment in range(7):
        with pytest.raises(KilledError):
            host.swap("v2", killed_at=moment)
        host.sick.add("v3")
        with pytest.raises(TrundleError, match=r"v3\.sock/ready is not healthy"):
            host.swap("v3")
        assert host.serves() == "v1", moment
        host.swap("v1")
        host.assert_serves("v1")


def test_f27_a_swap_that_still_runs_is_waited_for(tmp_path: Path) -> None:
    tree = Tree(str(tmp_path))
    site = swap.Site("shop", tree, tmp_path / "upstream", tmp_path, Nginx(run=lambda _words: (0, "", "")))
    descriptor = os.open(tmp_path / ".swap", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(TrundleError, match="Another swap runs on this host"), swap.alone(site, wait=0):
        pass
    threading.Timer(0.5, os.close, [descriptor]).start()
    begin = time.monotonic()
    with swap.alone(site, wait=10):
        assert 0.3 < time.monotonic() - begin < 5
