# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.modules import config_files

Call = Callable[..., dict[str, Any]]


def files(folder: Path) -> list[dict[str, Any]]:
    return [
        {"path": str(folder / "conf"), "state": "directory"},
        {"path": str(folder / "conf" / "site"), "content": "new\n"},
        {"path": str(folder / "env"), "secret_content": "KEY=hush\n", "mode": "0600"},
    ]


def test_check_mode_tells_the_same_and_writes_nothing(call_module: Call, tmp_path: Path) -> None:
    told = call_module(config_files, check=True, files=files(tmp_path), validate=["false"])
    assert list(tmp_path.iterdir()) == []
    done = call_module(config_files, files=files(tmp_path))
    assert (told["changed"], told["paths"]) == (done["changed"], done["paths"])
    assert done["paths"] == [str(tmp_path / name) for name in ("conf", "conf/site", "env")]
    assert [part.get("after") for part in told["diff"]] == [None, "new\n", None]
    assert "hush" not in str(told) + str(done)
    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600
    # Nothing to do: the test is not run either.
    again = call_module(config_files, files=files(tmp_path), validate=["false"])
    assert (again["changed"], again["paths"], again["diff"]) == (False, [], [])


def test_refused_files_are_put_back(call_module: Call, tmp_path: Path) -> None:
    failed = call_module(config_files, files=files(tmp_path), validate=["sh", "-c", "echo no such thing; exit 3"])
    assert "refuses the new configuration, so the old one was put back: no such thing" in failed["msg"]
    assert list(tmp_path.iterdir()) == []


def test_wrong_options_are_refused(call_module: Call, tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    assert "content, secret_content" in call_module(config_files, files=[{"path": path}])["msg"]
    both = {"path": path, "content": "a", "secret_content": "b"}
    assert "mutually exclusive" in call_module(config_files, files=[both])["msg"]
    failed = call_module(config_files, files=[{"path": path, "content": "a", "mode": "u=rw"}])
    assert "give octal digits" in failed["msg"]
    assert list(tmp_path.iterdir()) == []
