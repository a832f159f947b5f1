# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.systemd import (
    UnitState,
    journal,
    systemd_escape,
    unit_state,
)

NAMES = {
    "v1": "v1",
    "v1.2.3": "v1.2.3",
    "v1.2-rc1": r"v1.2\x2drc1",
    "2026+build_7": r"2026\x2bbuild_7",
    ".hidden": r"\x2ehidden",
    "a/b": "a-b",
    "é ": r"\xc3\xa9\x20",
}


@pytest.mark.parametrize(("text", "escaped"), NAMES.items())
def test_escape(text: str, escaped: str) -> None:
    assert systemd_escape(text) == escaped


@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="systemd-escape is not here")
@pytest.mark.parametrize("text", [*NAMES, "A-Z_a+z.0", "--", "x:y"])
def test_escape_is_that_of_systemd(text: str) -> None:
    done = subprocess.run(["systemd-escape", "--", text], check=True, capture_output=True, text=True)
    assert systemd_escape(text) == done.stdout.rstrip("\n")


def test_unit_state() -> None:
    seen: list[list[str]] = []

    def run(arguments: list[str]) -> tuple[int, str, str]:
        seen.append(arguments)
        return (
            0,
            "Result=exit-code\nNRestarts=3\nExecMainStartTimestampMonotonic=1500000\nLoadState=loaded\nActiveState=failed\nSubState=failed\n",
            "",
        )

    found = unit_state(run, "shop@v2.service")
    assert found == UnitState(load="loaded", active="failed", sub="failed", restarts=3, result="exit-code", started=1.5)
    assert seen[0][:2] == ["systemctl", "show"]
    assert seen[0][-1] == "shop@v2.service"


def test_a_host_without_systemd_is_told() -> None:
    with pytest.raises(TrundleError, match=r"Failed to ask systemd for shop\.service: System has not been booted"):
        unit_state(lambda _arguments: (1, "", "System has not been booted with systemd\n"), "shop.service")


def test_journal() -> None:
    assert journal(lambda _arguments: (0, "one\ntwo\n", ""), "shop.service") == ["one", "two"]
    assert journal(lambda _arguments: (1, "", "no permission"), "shop.service") == []
