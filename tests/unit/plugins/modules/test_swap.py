# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import swap

Call = Callable[..., dict[str, Any]]
PROGRAM = """#!/bin/sh
case $1 in
show) printf 'LoadState=not-found\\nActiveState=inactive\\n\\nLoadState=not-found\\nActiveState=inactive\\n' ;;
is-enabled) exit 1 ;;
esac
"""


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of a host that has systemd, and nothing of the app yet."""
    program = tmp_path / "systemctl"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return {
        "app": "shop",
        "root": str(tmp_path / "shop"),
        "release": "v1",
        "upstream": str(tmp_path / "upstream.conf"),
        "sockets": "/run/shop",
        "path": "/ready",
    }


def test_a_dry_run_accepts_a_host_that_has_nothing(call_module: Call, options: dict[str, Any]) -> None:
    told = call_module(swap, check=True, **options)
    assert (told["changed"], told["active"], told["before"], told["service"]) == (True, "v1", None, "shop@v1.service")
    assert told["steps"] == {}
    state, upstream = told["diff"]
    assert state == {
        "before": {"active": None, "instances": []},
        "after": {"active": "v1", "instances": ["shop@v1.service"]},
    }
    assert (upstream["before"], "unix:/run/shop/v1.sock" in upstream["after"]) == ("", True)
    assert not Path(options["root"]).exists()


def test_a_release_that_is_not_there_is_told_before_anything_is_made(
    call_module: Call, options: dict[str, Any]
) -> None:
    failed = call_module(swap, **options)
    assert failed["msg"].startswith("Release 'v1' is not on this host")
    assert not Path(options["root"]).exists()


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"interval": 0}, "The option interval has to be more than 0."),
        ({"wait": -1}, "The option wait has to be more than 0."),
        ({"connections": -1}, "The option connections has to be 0 or more."),
        ({"front": "ftp://x"}, "is not an http or https URL with a host"),
        ({"release": "../v1"}, "release id"),
        ({"root": "shop"}, "absolute"),
    ],
)
def test_wrong_input_is_told(call_module: Call, options: dict[str, Any], wrong: dict[str, Any], cause: str) -> None:
    assert cause in call_module(swap, **{**options, **wrong})["msg"]
