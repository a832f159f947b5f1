# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import disk
from ansible_collections.trundle.django.plugins.module_utils.disk import Room, Size
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

HERE = Path("/srv/shop")


def write_tree(folder: Path) -> Path:
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "one").write_bytes(b"x")
    (folder / "two").write_bytes(b"x" * 4097)
    (folder / "link").symlink_to("/nowhere")
    return folder


def test_a_folder_takes_whole_blocks_and_an_inode_for_each_name(tmp_path: Path) -> None:
    found = disk.tree_size(write_tree(tmp_path / "tree"))
    # The folder itself, the one in it, the link and a file of one block each; a file of two.
    assert found.files == 5
    assert found.bytes == 6 * 4096


def test_an_archive_takes_what_its_content_takes(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "tree")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(folder, arcname=".")
    assert disk.archive_size(tmp_path / "code.tar.gz") == disk.tree_size(folder)


def test_a_folder_that_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert disk.tree_size(tmp_path / "nowhere") == Size()


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "code.tar.gz").write_bytes(b"half")
    with pytest.raises(TrundleError, match=r"Failed to read .*code\.tar\.gz"):
        disk.archive_size(tmp_path / "code.tar.gz")


def test_room_is_asked_where_the_folder_will_be(tmp_path: Path) -> None:
    room = disk.room_for(tmp_path / "not" / "yet")
    assert room.path == tmp_path
    assert 0 < room.bytes <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


@pytest.mark.parametrize(
    ("room", "said"),
    [
        (Room(HERE, 3 * 2**20, 10), []),
        (Room(HERE, 3 * 2**20 - 1, 10), ["it needs 3.0 MiB there, and 3.0 MiB are free"]),
        (
            Room(HERE, 2**20, 9),
            ["it needs 3.0 MiB there, and 1.0 MiB are free", "it needs 10 inodes there, and 9 are free"],
        ),
        # As btrfs has it.
        (Room(HERE, 3 * 2**20, None), []),
    ],
)
def test_f28_what_is_short_is_told_as_needed_and_free(room: Room, said: list[str]) -> None:
    assert disk.shortages(room, Size(3 * 2**20, 10)) == said
