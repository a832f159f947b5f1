# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import jobs

Call = Callable[..., dict[str, Any]]
PROGRAM = """#!/bin/sh
# Keeps in a folder which units are active.
cd "{folder}/active"
verb=$1
case "$*" in *" -- "*) ;; *) exit 0 ;; esac
while test "$1" != --; do shift; done
shift
for unit; do
  case $verb in
  show) echo "Id=$unit"; echo Type=exec; echo NeedDaemonReload=no; echo NRestarts=0
    if test -e "$unit"; then echo ActiveState=active; else echo ActiveState=inactive; fi; echo ;;
  enable) mkdir -p {folder}/timers.target.wants; ln -s gone "{folder}/timers.target.wants/$unit" ;;
  disable) rm "{folder}/timers.target.wants/$unit" ;;
  start) touch "$unit" ;;
  stop) rm -f "$unit" ;;
  esac
done
"""
TIMER = {"name": "report", "command": "report", "calendar": "daily"}


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    program = tmp_path / "systemctl"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "active").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return {"app": "shop", "root": str(tmp_path / "root"), "user": "shop", "units_path": str(tmp_path)}


def units(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("shop-*"))


def test_f25_timers_come_change_and_go(call_module: Call, options: dict[str, Any], tmp_path: Path) -> None:
    told = call_module(jobs, check=True, **options, release="v1", timers=[TIMER])
    assert told["changed"]
    assert units(tmp_path) == []
    done = call_module(jobs, **options, release="v1", timers=[TIMER])
    assert (done["diff"], done["units"]) == (told["diff"], ["shop-job-report.timer"])
    assert units(tmp_path) == ["shop-job-report.service", "shop-job-report.timer"]
    assert not call_module(jobs, **options, release="v1", timers=[TIMER])["changed"]

    moved = call_module(jobs, **options, release="v2", timers=[TIMER])
    assert [entry["before_header"] for entry in moved["diff"]] == ["shop-job-report.service"]
    assert f"{tmp_path}/root/releases/v2/.venv/bin/python" in (tmp_path / "shop-job-report.service").read_text()

    assert not call_module(jobs, **options, release="v3", timers=[TIMER], state="trimmed")["changed"]
    assert call_module(jobs, **options, release="v3", state="trimmed")["changed"]
    assert units(tmp_path) == []
    assert not list((tmp_path / "active").iterdir())


def test_it_starts_from_the_folder_that_a_link_leads_to(
    call_module: Call, options: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    call_module(jobs, **options, release="v1", timers=[TIMER])
    assert f"WorkingDirectory={tmp_path}/real/releases/v1/\n" in (tmp_path / "shop-job-report.service").read_text()


@pytest.mark.parametrize("wanted", [{"beat": True}, {"workers": [{"name": "mail"}]}], ids=["beat", "worker"])
def test_celery_needs_to_know_the_app(call_module: Call, options: dict[str, Any], wanted: dict[str, Any]) -> None:
    failed = call_module(jobs, **options, **wanted, release="v1")
    assert failed["failed"]
    assert "name what celery takes as --app" in failed["msg"]


def test_a_release_id_is_checked(call_module: Call, options: dict[str, Any]) -> None:
    assert "'../v1' is not valid" in call_module(jobs, **options, release="../v1", timers=[TIMER])["msg"]
