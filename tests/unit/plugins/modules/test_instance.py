# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import instance

Call = Callable[..., dict[str, Any]]
PROGRAM = """#!/bin/sh
# Keeps one unit's state in a folder, as far as the module asks for it.
cd "{folder}"
case $1 in
list-units) echo "shop@v1.service loaded $(cat active) running shop v1" ;;
show) for part in 1 2; do echo LoadState=loaded; echo "ActiveState=$(cat active)"; echo; done ;;
is-enabled) test -e enabled ;;
enable) touch enabled ;;
disable) rm enabled ;;
start) echo active > active ;;
stop) echo inactive > active ;;
esac
"""


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "systemctl"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "active").write_text("inactive\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def test_started_and_stopped_are_idempotent(call_module: Call, systemctl: Path) -> None:
    options = {"app": "shop", "release": "v2"}
    told = call_module(instance, check=True, **options)
    assert told["changed"]
    assert not (systemctl / "enabled").exists()
    done = call_module(instance, **options)
    assert (done["socket"], done["service"]) == ("shop@v2.socket", "shop@v2.service")
    assert (
        done["diff"]
        == told["diff"]
        == {
            "before": {"active": False, "enabled": False},
            "after": {"active": True, "enabled": True},
        }
    )
    assert not call_module(instance, **options)["changed"]
    assert call_module(instance, **options, state="stopped", check=True)["changed"]
    assert (systemctl / "active").read_text() == "active\n"
    assert call_module(instance, **options, state="stopped")["changed"]
    assert not call_module(instance, **options, state="stopped")["changed"]
    assert not (systemctl / "enabled").exists()


def test_f27_what_another_run_left_is_ended(call_module: Call, systemctl: Path) -> None:
    (systemctl / "active").write_text("active\n")
    options = {"app": "shop", "release": "v2", "state": "alone"}
    told = call_module(instance, check=True, **options)
    assert (told["changed"], told["stopped"]) == (True, ["shop@v1.service"])
    assert (systemctl / "active").read_text() == "active\n"
    assert call_module(instance, **options)["changed"]
    assert (systemctl / "active").read_text() == "inactive\n"
    assert not call_module(instance, **options)["changed"]
    # The one that is to stay is none of the others.
    (systemctl / "active").write_text("active\n")
    assert not call_module(instance, **{**options, "release": "v1"})["changed"]


def test_a_host_without_systemd_is_told(call_module: Call, systemctl: Path) -> None:
    (systemctl / "systemctl").write_text("#!/bin/sh\necho 'System has not been booted with systemd' >&2; exit 1\n")
    failed = call_module(instance, app="shop", release="v2")
    assert "System has not been booted with systemd" in failed["msg"]
