# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.source_import import BRANCH, import_source, revision_of


@pytest.fixture(name="site")
def site_fixture(tmp_path: Path) -> Path:
    """With all that git would like to leave out or to write in another way."""
    site = tmp_path / "site"
    (site / "shop").mkdir(parents=True)
    (site / "manage.py").write_text("code\n")
    (site / "manage.py").chmod(0o755)
    (site / "shop" / "text.txt").write_bytes(b"one\r\ntwo\r\n")
    (site / "shop" / "link").symlink_to("text.txt")
    (site / ".gitattributes").write_text("*.txt text eol=lf\n*.bin filter=lfs\n")
    (site / "data.bin").write_bytes(b"\0\1")
    (site / ".gitignore").write_text("node_modules/\n")
    (site / "node_modules").mkdir()
    (site / "node_modules" / "heavy.js").write_text("heavy\n")
    return site


def pack(site: Path, archive: Path, *, inside: str = ".") -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(site, arcname=inside)
    return archive


def names(repository: Path, revision: str) -> list[str]:
    command = ["git", "--git-dir", repository, "ls-tree", "-r", "--name-only", revision]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def content(repository: Path, name: str) -> bytes:
    command = ["git", "--git-dir", repository, "cat-file", "blob", f"{BRANCH}:{name}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_an_archive_is_taken_whole_and_to_the_byte(site: Path, tmp_path: Path) -> None:
    repository = tmp_path / "imported.git"
    revision = import_source(pack(site, tmp_path / "shop.tar.gz"), repository)
    assert revision_of(repository) == revision
    assert "node_modules/heavy.js" in names(repository, revision)
    assert content(repository, "shop/text.txt") == b"one\r\ntwo\r\n"
    assert content(repository, "shop/link") == b"text.txt"


def test_a_folder_is_taken_without_what_it_ignores(site: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", site], check=True)
    repository = tmp_path / "imported.git"
    found = names(repository, import_source(site, repository))
    assert found == [".gitattributes", ".gitignore", "data.bin", "manage.py", "shop/link", "shop/text.txt"]


@pytest.mark.parametrize("committed", [True, False], ids=["with commits", "without"])
@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
def test_a_repository_in_it_is_taken_with_its_files(site: Path, tmp_path: Path, packed: bool, committed: bool) -> None:
    for nested in ("vendor/theme", "vendor/theme/icons", "node_modules/lib"):
        (site / nested).mkdir(parents=True)
        (site / nested / "app.css").write_text(nested)
        subprocess.run(["git", "init", "--quiet", site / nested], check=True)
    (site / "vendor" / "theme" / ".gitignore").write_text("*.log\n")
    (site / "vendor" / "theme" / "a.log").write_text("log\n")
    if committed:
        theme = ["git", "-C", site / "vendor" / "theme", "-c", "user.name=T", "-c", "user.email=t@example.com"]
        subprocess.run([*theme, "add", "app.css"], check=True)
        subprocess.run([*theme, "commit", "--quiet", "-m", "Theme"], check=True)
    repository = tmp_path / "imported.git"
    src = pack(site, tmp_path / "shop.tar") if packed else site
    found = {name for name in names(repository, import_source(src, repository)) if "/" in name}
    theme_files = {".gitignore", "app.css", "icons/app.css"}
    kept = {"shop/link", "shop/text.txt", *(f"vendor/theme/{name}" for name in theme_files)}
    ignored = {"node_modules/heavy.js", "node_modules/lib/app.css", "vendor/theme/a.log"}
    assert found == kept | (ignored if packed else set())


def test_the_revision_is_that_of_the_content(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = import_source(site, tmp_path / "one.git")
    os.utime(site / "manage.py", (1, 1))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert import_source(site, tmp_path / "two.git") == first
    (site / "manage.py").write_text("more\n")
    second = import_source(site, tmp_path / "two.git")
    assert second != first
    (site / "data.bin").unlink()
    assert "data.bin" not in names(tmp_path / "two.git", import_source(site, tmp_path / "two.git"))


@pytest.mark.parametrize(
    ("inside", "project_path", "found"),
    [
        (".", "", "manage.py"),
        ("shop-1.2.3", "", "manage.py"),
        # The one folder is where manage.py is said to be.
        ("site", "site", "site/manage.py"),
        ("shop-1.2.3/site", "site", "site/manage.py"),
    ],
)
def test_the_one_folder_of_an_archive(site: Path, tmp_path: Path, inside: str, project_path: str, found: str) -> None:
    archive = pack(site, tmp_path / "shop.tgz", inside=inside)
    repository = tmp_path / "imported.git"
    assert found in names(repository, import_source(archive, repository, project_path=project_path))


def test_what_is_not_there_or_no_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match=r"There is no .*nowhere\.tar on this host"):
        import_source(tmp_path / "nowhere.tar", tmp_path / "imported.git")
    (tmp_path / "half.tar").write_bytes(b"half")
    with pytest.raises(TrundleError, match=r"Failed to unpack .*half\.tar"):
        import_source(tmp_path / "half.tar", tmp_path / "imported.git")
    assert revision_of(tmp_path / "imported.git") is None
