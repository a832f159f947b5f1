# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import platform
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import host_info

Call = Callable[..., dict[str, Any]]


def test_what_is_here_is_told(call_module: Call) -> None:
    me = pwd.getpwuid(os.getuid())
    told = call_module(host_info, python=sys.executable, user=me.pw_name, programs=["sh", "no-such-program"])
    assert told["python_version"] == platform.python_version()
    assert told["user"]["home"] == me.pw_dir
    assert told["user"]["shell"] == me.pw_shell
    assert Path(told["programs"]["sh"]).name == "sh"
    assert told["programs"]["no-such-program"] is None
    assert not told["changed"]


def test_programs_of_the_system_are_found_by_those_without_their_folders_in_the_path(
    call_module: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host_info, "_SYSTEM", (str(tmp_path),))
    (tmp_path / "nginx").write_text("#!/bin/sh\n")
    (tmp_path / "nginx").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    assert call_module(host_info, programs=["nginx"])["programs"] == {"nginx": str(tmp_path / "nginx")}


def test_a_service_is_up_where_it_runs_and_comes_back_at_boot(
    call_module: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As systemd answers: by exit status. The scenarios ask the real one."""
    program = tmp_path / "systemctl"
    program.write_text('#!/bin/sh\ncase "$1 $4" in "is-enabled runs.service") exit 1;; *.service) exit 0;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert call_module(host_info, services=["nginx", "runs"])["services"] == {"nginx": True, "runs": False}
    monkeypatch.setenv("PATH", "/nowhere")
    assert call_module(host_info, services=["nginx"])["services"] == {"nginx": False}


def test_unit_files_are_found_by_pattern(call_module: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host_info, "_UNITS", tmp_path)
    for name in ("shop-beat.service", "shop-report.timer", "shop@.service", "shopping-beat.service"):
        (tmp_path / name).touch()
    found = call_module(host_info, unit_files=["shop-*.service", "shop-*.timer"])
    assert found["unit_files"] == ["shop-beat.service", "shop-report.timer"]


def test_an_interpreter_without_what_a_virtualenv_needs(call_module: Call, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"No module named 'ensurepip'\" >&2; exit 1\n")
    python.chmod(0o755)
    assert not call_module(host_info, python=str(python))["venv"]
    assert not call_module(host_info, python="no-such-python")["venv"]
    assert call_module(host_info, user="no-such-user")["user"] is None


@pytest.mark.parametrize(
    ("booted", "first", "expected"),
    [
        (True, "systemd", "systemd"),
        (True, "init", "systemd"),
        (True, "sshd", "sshd"),
        (True, None, "systemd"),
        (False, "init", "init"),
        (False, None, "unknown"),
    ],
)
def test_the_service_manager_is_the_first_process(
    call_module: Call, monkeypatch: pytest.MonkeyPatch, booted: bool, first: str | None, expected: str
) -> None:
    read = Path.read_text

    def answer(path: Path, *arguments: Any, **options: Any) -> str:
        if str(path) != "/proc/1/comm":
            return read(path, *arguments, **options)
        if first is None:
            raise PermissionError
        return f"{first}\n"

    monkeypatch.setattr(Path, "is_dir", lambda self: booted and str(self) == "/run/systemd/system")
    monkeypatch.setattr(Path, "read_text", answer)
    assert call_module(host_info)["service_manager"] == expected
