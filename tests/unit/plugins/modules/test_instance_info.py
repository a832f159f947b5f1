# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import instance_info

Call = Callable[..., dict[str, Any]]


def answer(folder: Path, monkeypatch: pytest.MonkeyPatch, *, state: str, ago: float) -> None:
    entered = int((time.monotonic() - ago) * 1e6)
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\necho ActiveState={state}\necho ActiveEnterTimestampMonotonic={entered}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_since_when_it_runs(call_module: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(tmp_path, monkeypatch, state="active", ago=100)
    found = call_module(instance_info, app="shop", release="v1-rc")
    assert found["service"] == r"shop@v1\x2drc.service"
    since = datetime.strptime(found["since"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    assert 95 < (datetime.now(timezone.utc) - since).total_seconds() < 130


def test_one_that_does_not_run_has_no_time(call_module: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(tmp_path, monkeypatch, state="failed", ago=100)
    assert call_module(instance_info, app="shop", release="v2")["since"] is None
