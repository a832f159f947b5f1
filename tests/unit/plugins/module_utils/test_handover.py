# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a handover; the integration target of the module shows one with a real systemd and nginx."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import handover, nginx
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.handover import Upstream, hand_over, held, is_done
from ansible_collections.trundle.django.plugins.module_utils.instance import units_of
from ansible_collections.trundle.django.plugins.module_utils.nginx import Drain, Nginx

OLD, NEW = units_of("shop", "v1"), units_of("shop", "v2")


def is_held(path: Path) -> bool:
    """As a unit sees it that wants to start: by the program that its ExecStartPre runs."""
    return subprocess.run(["flock", "--shared", "--nonblock", str(path), "true"], check=False).returncode != 0


class Host:
    """A host that notes what is done, and whether new instances are held back at that moment."""

    def __init__(self, folder: Path, *, refuses: bool = False) -> None:
        self.folder = folder
        self.refuses = refuses
        self.hold = folder / "run" / ".hold"
        self.hold.parent.mkdir()
        self.hold.touch()
        self.active = {"shop@v1.socket": "active", "shop@v1.service": "active"}
        self.events: list[tuple[str, bool]] = []
        self.upstream = Upstream("shop", folder / "upstream.conf", nginx.render("shop", ["unix:/run/shop/v2.sock"]))

    def note(self, event: str) -> None:
        self.events.append((event, is_held(self.hold)))

    def run(self, words: list[str]) -> tuple[int, str, str]:
        verb, units = words[1], [word for word in words if word.startswith("shop@")]
        if verb == "show":
            return (
                0,
                "\n".join(f"LoadState=loaded\nActiveState={self.active.get(unit, 'inactive')}\n" for unit in units),
                "",
            )
        if verb == "is-enabled":
            return (0 if self.active.get(units[0]) == "active" else 1), "", ""
        for unit in units if verb in ("start", "stop") else []:
            self.active[unit] = "active" if verb == "start" else "inactive"
        self.note(" ".join(words[1:]))
        return 0, "", ""

    def rotate(self, _nginx: Nginx, *, drain_timeout: float) -> Drain:
        self.note(f"rotate {drain_timeout:g}")
        return Drain(drained=True, remaining=[], seconds=0.0)

    def switch(self, _nginx: Nginx, path: Path, data: bytes, *, drain_timeout: float) -> Drain:
        if self.refuses:
            raise TrundleError("nginx refuses the configuration")
        path.write_bytes(data)
        self.note(f"switch {drain_timeout:g}")
        return Drain(drained=True, remaining=[], seconds=0.0)

    def hand_over(self, monkeypatch: pytest.MonkeyPatch) -> handover.Handover:
        monkeypatch.setattr(nginx, "rotate", self.rotate)
        monkeypatch.setattr(nginx, "switch", self.switch)
        return hand_over(
            self.run, Nginx(run=self.run), self.upstream, old=OLD, new=NEW, hold=self.hold, drain_timeout=30
        )


def test_f17_new_connections_wait_at_the_new_socket_until_the_old_release_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old one gets no new requests when it is stopped, and the new one does not run beside it."""
    host = Host(tmp_path)
    done = host.hand_over(monkeypatch)
    assert host.events == [
        ("rotate 30", False),
        ("enable --quiet --no-reload -- shop@v2.socket", True),
        ("start --job-mode=ignore-dependencies -- shop@v2.socket", True),
        ("switch 30", True),
        ("disable --quiet --no-reload -- shop@v1.socket", True),
        ("stop -- shop@v1.socket shop@v1.service", True),
        ("start --no-block -- shop@v2.service", False),
    ]
    assert done.drained
    assert 0 < done.pause <= done.seconds


def test_what_has_been_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path)
    assert not is_done(host.run, host.upstream, old=OLD, new=NEW)
    host.hand_over(monkeypatch)
    assert is_done(host.run, host.upstream, old=OLD, new=NEW)
    assert is_done(host.run, host.upstream, old=None, new=NEW)
    host.active["shop@v1.socket"] = "active"
    assert not is_done(host.run, host.upstream, old=OLD, new=NEW)


def test_a_switch_that_fails_holds_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, refuses=True)
    with pytest.raises(TrundleError, match="refuses"):
        host.hand_over(monkeypatch)
    assert not is_held(host.hold)
    assert host.active["shop@v1.service"] == "active"


def test_f27_a_run_that_is_killed_holds_nothing_back(tmp_path: Path) -> None:
    lock = tmp_path / "run" / ".hold"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with held(lock):
            os.write(writer, b"held")
            time.sleep(60)
            os._exit(0)
    assert os.read(reader, 4) == b"held"
    before = is_held(lock)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert before
    assert not is_held(lock)


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with held(tmp_path / ".hold"), pytest.raises(TrundleError, match="Another handover"), held(tmp_path / ".hold"):
        pass
    descriptor = os.open(tmp_path / ".hold", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_a_lock_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrundleError, match="Failed to open the lock"), held(tmp_path / "file" / ".hold"):
        pass
