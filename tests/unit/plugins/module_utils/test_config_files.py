# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.config_files import Entry, apply, as_diff, differs, look
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner


def accepts(_arguments: list[str]) -> tuple[int, str, str]:
    return 0, "", ""


def refuses(_arguments: list[str]) -> tuple[int, str, str]:
    return 1, "", "nginx: [emerg] unknown directive\ntest failed\n"


def text(path: Path, content: str, mode: int = 0o644, *, keep: bool = False) -> Entry:
    return Entry(path, "file", mode, content.encode(), keep=keep)


def put(*entries: Entry, run: Runner = accepts, validate: tuple[str, ...] = ()) -> list[Path]:
    pairs = [(entry, look(entry.path)) for entry in entries]
    changes = [(entry, found) for entry, found in pairs if differs(entry, found)]
    apply(changes, run=run, validate=validate)
    return [entry.path for entry, _found in changes]


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.name: (path.lstat().st_mode, str(path.readlink()) if path.is_symlink() else path.read_text())
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_files_folders_and_removals_are_put_in_place_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    entries = (
        Entry(tmp_path / "conf", "directory", 0o750),
        text(tmp_path / "conf" / "a", "one\n", 0o600),
        Entry(tmp_path / "link", "absent", 0),
    )
    assert put(*entries) == [entry.path for entry in entries]
    assert (tmp_path / "conf").stat().st_mode & 0o777 == 0o750
    assert ((tmp_path / "conf" / "a").stat().st_mode & 0o777, (tmp_path / "conf" / "a").read_text()) == (0o600, "one\n")
    assert not (tmp_path / "link").is_symlink()
    assert put(*entries) == []


def test_a_file_that_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    assert put(text(tmp_path / "a", "theirs", keep=True), text(tmp_path / "b", "theirs", keep=True)) == [tmp_path / "b"]
    assert (tmp_path / "a").read_text() == "mine"


def test_a_mode_alone_is_mended(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("same")
    (tmp_path / "a").chmod(0o666)
    entry = text(tmp_path / "a", "same")
    assert as_diff(entry, look(entry.path)) == {"prepared": f"{entry.path}: file 0666 -> file 0644\n"}
    assert put(entry) == [tmp_path / "a"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_refused_files_are_put_back_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "default").symlink_to("/nowhere/default")
    before = tree(tmp_path)
    with pytest.raises(
        TrundleError, match=r"'nginx -t' refuses .* the old one was put back: .*unknown directive"
    ) as told:
        put(
            Entry(tmp_path / "made", "directory", 0o755),
            text(tmp_path / "made" / "new", "new"),
            text(tmp_path / "old", "changed"),
            Entry(tmp_path / "default", "absent", 0),
            run=refuses,
            validate=("nginx", "-t"),
        )
    assert told.value.details["output"][-1] == "test failed"
    assert tree(tmp_path) == before
    assert not (tmp_path / "made").exists()


def test_files_before_one_that_cannot_be_written_are_put_back(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    with pytest.raises(TrundleError, match=r"Failed to write .*none/new: No such file"):
        put(text(tmp_path / "old", "changed"), text(tmp_path / "none" / "new", "new"))
    assert (tmp_path / "old").read_text() == "old"


@pytest.mark.parametrize(
    ("state", "there", "says"),
    [
        ("absent", "folder", "is a folder: it is not removed"),
        ("file", "folder", "should be a file and is a folder"),
        ("directory", "file", "should be a folder and is a file"),
    ],
)
def test_nothing_is_removed_to_make_room(tmp_path: Path, state: str, there: str, says: str) -> None:
    path = tmp_path / "x"
    path.mkdir() if there == "folder" else path.write_text("")
    with pytest.raises(TrundleError, match=says):
        put(Entry(path, state, 0o755, b""))
    assert path.exists()


def test_a_secret_is_named_only(tmp_path: Path) -> None:
    entry = Entry(tmp_path / "env", "file", 0o600, b"KEY=hush", secret=True)
    assert "hush" not in str(as_diff(entry, look(entry.path)))
    assert "whose content is secret" in as_diff(entry, look(entry.path))["prepared"]
