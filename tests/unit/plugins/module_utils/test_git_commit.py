# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest in git: committed alone, in a real repository that is dirty elsewhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.git_commit import Outcome, commit_file

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NAME = "shop/manifest/staticfiles.json"


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", repository, *arguments], check=True, capture_output=True, text=True
    ).stdout.rstrip("\n")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One commit; a changed file, a staged one and an unknown one."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "config", "user.name", "T")
    git(folder, "config", "user.email", "t@example.com")
    for name in ("changed", "staged"):
        (folder / name).write_text("1")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "first")
    for name in ("changed", "staged", "unknown"):
        (folder / name).write_text("2")
    git(folder, "add", "staged")
    return folder


DIRTY = " M changed\nM  staged\n?? unknown"


def test_the_manifest_alone_is_committed(repository: Path) -> None:
    outcome = commit_file(repository, NAME, b"{}", "Manifest of v1")
    assert outcome == Outcome(True, git(repository, "rev-parse", "HEAD"))
    assert git(repository, "show", "--format=%s", "--name-only").split() == ["Manifest", "of", "v1", NAME]
    assert git(repository, "status", "--porcelain") == DIRTY
    assert (repository / NAME).read_bytes() == b"{}"


def test_nothing_is_committed_when_nothing_changed(repository: Path) -> None:
    first = commit_file(repository, NAME, b"{}", "Manifest of v1")
    assert commit_file(repository, NAME, b"{}", "Manifest of v1, again") == Outcome(False, None)
    assert git(repository, "rev-parse", "HEAD") == first.commit
    assert commit_file(repository, NAME, b"{1}", "Manifest of v2").commit not in (None, first.commit)


def test_a_dry_run_changes_nothing(repository: Path) -> None:
    assert commit_file(repository, NAME, b"{}", "Manifest of v1", dry_run=True) == Outcome(True, "")
    assert not (repository / NAME).exists()
    assert git(repository, "log", "--format=%s") == "first"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_manifest_that_was_changed_since_its_commit_is_put_right_without_another(
    repository: Path, dry_run: bool
) -> None:
    first = commit_file(repository, NAME, b"{}", "Manifest of v1")
    (repository / NAME).write_text("mine")
    assert commit_file(repository, NAME, b"{}", "Manifest of v1", dry_run=dry_run) == Outcome(True, None)
    assert (repository / NAME).read_text() == ("mine" if dry_run else "{}")
    assert git(repository, "rev-parse", "HEAD") == first.commit


@pytest.mark.parametrize("dry_run", [True, False])
def test_without_a_committer_nothing_is_written(repository: Path, dry_run: bool) -> None:
    git(repository, "config", "--unset", "user.email")
    git(repository, "config", "user.useConfigOnly", "true")
    with pytest.raises(TrundleError, match=r"(?s)Failed to run .git var. in .*tell me who you are"):
        commit_file(repository, NAME, b"{}", "Manifest of v1", dry_run=dry_run)
    assert not (repository / NAME).exists()
    assert git(repository, "status", "--porcelain") == DIRTY


def test_line_ends_that_git_changes_are_no_difference(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.json text eol=lf\n")
    assert commit_file(repository, NAME, b"{\r\n}", "Manifest of v1").commit
    assert commit_file(repository, NAME, b"{\r\n}", "Manifest of v1") == Outcome(False, None)


def test_an_ignored_folder_is_committed_too(repository: Path) -> None:
    (repository / ".gitignore").write_text("manifest/\n")
    assert commit_file(repository, NAME, b"{}", "Manifest of v1").commit


def test_refusals(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match="not a git repository"):
        commit_file(tmp_path, NAME, b"{}", "x")
    for name in ("../out.json", ".git/config"):
        with pytest.raises(TrundleError, match="is not in the work tree"):
            commit_file(repository, name, b"{}", "x")
