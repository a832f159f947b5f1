# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import files
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def test_write_replaces_content_and_mode_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.atomic_write(path, b"old")
    files.atomic_write(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    files.atomic_write(path, b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrundleError, match=r"state\.json: No space left on device"):
        files.atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_a_half_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files.atomic_write(path, b"old")
    with path.open("rb") as reader:
        files.atomic_write(path, b"newer")
        assert reader.read() == b"old"


def test_a_link_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "current"
    files.atomic_link("releases/v1", link)
    files.atomic_link("releases/v2", link)
    assert str(link.readlink()) == "releases/v2"
    assert list(tmp_path.iterdir()) == [link]


def test_a_folder_in_the_place_of_the_link_is_told(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(TrundleError, match="Failed to link"):
        files.atomic_link("releases/v1", tmp_path / "current")
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_read(tmp_path: Path) -> None:
    assert files.read_bytes(tmp_path / "none") is None
    with pytest.raises(TrundleError, match="Failed to read"):
        files.read_bytes(tmp_path)


def test_owners_by_name_and_number() -> None:
    assert files.user_id(None) == files.group_id(None) == -1
    assert files.user_id("root") == pwd.getpwnam("root").pw_uid
    assert files.group_id("root") == grp.getgrnam("root").gr_gid
    assert files.user_id("12") == files.group_id("12") == 12
    with pytest.raises(TrundleError, match="no user 'nobody-here'"):
        files.user_id("nobody-here")
    with pytest.raises(TrundleError, match="no group 'nobody-here'"):
        files.group_id("nobody-here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_write_for_another_owner(tmp_path: Path) -> None:
    files.atomic_write(tmp_path / "x", b"", owner="12", group="13")
    found = (tmp_path / "x").stat()
    assert (found.st_uid, found.st_gid) == (12, 13)
