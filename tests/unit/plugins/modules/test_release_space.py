# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import virtualenv
from ansible_collections.trundle.django.plugins.modules import release_size, release_space

Call = Callable[..., dict[str, Any]]


@pytest.fixture(name="size")
def size_fixture(call_module: Call, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "requirements.txt").write_text("Django==5.2.8\n")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "package").write_bytes(b"x" * 8192)
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "requirements.txt", arcname="requirements.txt")
    measured = call_module(
        release_size,
        archive=str(tmp_path / "code.tar.gz"),
        requirements=str(tmp_path / "requirements.txt"),
        virtualenv=str(tmp_path / "venv"),
    )
    return dict(measured["size"])


def ask(call_module: Call, tmp_path: Path, size: dict[str, Any], **options: Any) -> dict[str, Any]:
    given = {"root": str(tmp_path / "shop"), "release": "v2", "python": sys.executable, **options}
    return call_module(release_space, size=size, **given)


def test_what_a_release_needs(call_module: Call, tmp_path: Path, size: dict[str, Any]) -> None:
    found = ask(call_module, tmp_path, size, margin="1M", margin_files=7)
    assert not found["changed"]
    assert found["virtualenv"]
    assert found["path"] == str(tmp_path)
    # Archive and code take a block each; the folder and its package take three, and half as much again.
    assert found["needed"] == {"bytes": 2 * 4096 + 3 * 4096 * 3 // 2 + 2**20, "files": 2 + 3 + 7}


def test_an_environment_that_is_there_is_not_counted(call_module: Call, tmp_path: Path, size: dict[str, Any]) -> None:
    said = virtualenv.read_requirements(tmp_path / "requirements.txt")
    there = virtualenv.place(tmp_path / "shop", "v1", python=sys.executable, said=said)
    there.path.mkdir(parents=True)
    (there.path / virtualenv.MARKER).write_text(f'{{"key": "{there.key}"}}')
    found = ask(call_module, tmp_path, size, margin="0M", margin_files=0)
    assert not found["virtualenv"]
    assert found["needed"] == {"bytes": 2 * 4096, "files": 2}


def test_f28_a_host_that_is_too_full_is_refused(call_module: Call, tmp_path: Path, size: dict[str, Any]) -> None:
    found = ask(call_module, tmp_path, size, margin="5000T", host="web3")
    assert found["msg"].startswith(f"web3 has no room for release 'v2' in {tmp_path}/shop: it needs 5242880000")
    assert f"MiB are free. Make room on the file system of {tmp_path}, keep fewer releases, or" in found["msg"]
    assert not (tmp_path / "shop").exists()


def test_a_margin_that_is_no_size_is_refused(call_module: Call, tmp_path: Path, size: dict[str, Any]) -> None:
    found = ask(call_module, tmp_path, size, margin="lots")
    assert found["msg"] == "margin is 'lots': give a size such as 200M."
