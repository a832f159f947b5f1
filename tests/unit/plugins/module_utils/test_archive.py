# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.archive import unpack
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o664) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.uid, info.uname = 4711, "somebody"
    return info


def archive(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in members:
            info.size = 3 if info.isreg() else 0
            tar.addfile(info, io.BytesIO(b"abc") if info.isreg() else None)
    return path


@pytest.fixture(name="folder", params=["filter", "no filter"])
def folder_fixture(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Python 3.9's first versions have no extraction filter: both ways have to refuse the same."""
    if request.param == "no filter" and hasattr(tarfile, "data_filter"):
        monkeypatch.delattr(tarfile, "data_filter")
        monkeypatch.setattr(tarfile.TarFile, "extraction_filter", staticmethod(lambda info, _path: info), raising=False)
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_an_archive_of_git_is_unpacked(tmp_path: Path, folder: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "shop" / "empty").mkdir(parents=True)
    (repository / "manage.py").write_text("#!/usr/bin/python3\n")
    (repository / "manage.py").chmod(0o755)
    (repository / "shop" / "café.py").write_text("answer = 42\n")
    (repository / "link").symlink_to("shop/café.py")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "v1"]):
        subprocess.run([*git, *command], check=True)
    source = tmp_path / "code.tar.gz"
    subprocess.run([*git, "archive", "--format=tar.gz", "-o", str(source), "HEAD"], check=True)

    assert unpack(source, folder) == 4
    assert (folder / "shop" / "café.py").read_text() == "answer = 42\n"
    assert (folder / "link").read_text() == "answer = 42\n"
    assert (folder / "manage.py").stat().st_mode & 0o777 == 0o755
    assert (folder / "shop" / "café.py").stat().st_mode & 0o022 == 0


def test_what_is_left_out_is_left_out(tmp_path: Path, folder: Path) -> None:
    unpack(archive(tmp_path / "a", member("./release.json"), member("./a")), folder, leave_out=("release.json",))
    assert [path.name for path in folder.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "members",
    [
        [member("../evil")],
        [member("/evil")],
        [member("a/../../evil")],
        [member("link", tarfile.SYMTYPE, "../evil")],
        [member("link", tarfile.SYMTYPE, "/etc/passwd")],
        [member("a/link", tarfile.SYMTYPE, "../../evil")],
        # A link to a folder, and a file that would be written through it.
        [member("a", tarfile.DIRTYPE), member("link", tarfile.SYMTYPE, "a"), member("link/evil")],
        # Each link stays inside by its words; on the disk the second one leads out.
        [member("a/up", tarfile.SYMTYPE, ".."), member("t", tarfile.SYMTYPE, "a/up/.."), member("t/evil")],
        # A link that is overwritten by what is written to its target.
        [member("x", tarfile.SYMTYPE, "y"), member("x")],
        [member("link", tarfile.LNKTYPE, "/etc/passwd")],
        [member("device", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
    ],
    ids=lambda members: members[-1].name,
)
def test_members_that_escape_are_refused(tmp_path: Path, folder: Path, members: list[tarfile.TarInfo]) -> None:
    source = archive(tmp_path / "a.tar.gz", member("good"), *members)
    with pytest.raises(TrundleError, match="The archive is refused for its member"):
        unpack(source, folder)
    assert list(folder.iterdir()) == [], "nothing is written before all is checked"
    assert not (tmp_path / "evil").exists()


def test_what_is_no_archive_is_told(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    with pytest.raises(TrundleError, match="Failed to unpack"):
        unpack(tmp_path / "x", folder)
    whole = archive(tmp_path / "a.tar.gz", member("a"), member("b")).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrundleError, match="Failed to unpack"):
        unpack(tmp_path / "cut", folder)
