# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import tree


@pytest.fixture(params=["git", "archive"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout under a name of its own, or an unpacked archive, as the runner sees it."""
    root = tmp_path / "any name"
    (root / "plugins").mkdir(parents=True)
    (root / "build").mkdir()
    (root / "plugins" / "a.py").write_text("a = 1\n", encoding="utf-8")
    (root / "plugins" / "b.py").write_text("b = 1\n", encoding="utf-8")
    (root / "link.py").symlink_to("plugins/a.py")
    (root / "build" / "junk").write_text("", encoding="utf-8")
    (root / ".gitignore").write_text("/build/\n", encoding="utf-8")
    if request.param == "git":
        subprocess.run(["git", "init", "--quiet", root], check=True)
    monkeypatch.setattr(tree, "ROOT", root)
    monkeypatch.setattr(tree, "BUILD", root / "build")
    monkeypatch.setattr(tree, "TREE", root / "build" / "collections" / "ansible_collections" / "trundle" / "django")
    return root


def listed(copy: Path) -> set[str]:
    return {
        path.relative_to(copy).as_posix()
        for path in copy.rglob("*")
        if not path.is_dir() and ".git" not in path.relative_to(copy).parts
    }


def test_the_copy_holds_what_git_would_track(checkout: Path) -> None:
    copy = tree.make()
    assert listed(copy) == {".gitignore", "link.py", "plugins/a.py", "plugins/b.py"}
    assert (copy / "link.py").is_symlink()


def test_the_copy_follows_changes_and_removals(checkout: Path) -> None:
    copy = tree.make()
    (copy / "tests" / "output").mkdir(parents=True)
    (copy / "tests" / "output" / "kept.xml").write_text("", encoding="utf-8")
    (copy / "tests" / "integration").mkdir()
    for name in (tree.SETTINGS, tree.VARIABLES, tree.INVENTORY):
        (copy / name).write_text("", encoding="utf-8")
    (checkout / "plugins" / "a.py").write_text("a = 2\n", encoding="utf-8")
    (checkout / "plugins" / "b.py").unlink()
    tree.make()
    assert (copy / "plugins" / "a.py").read_text(encoding="utf-8") == "a = 2\n"
    kept = {"tests/output/kept.xml", tree.SETTINGS, tree.VARIABLES, tree.INVENTORY}
    assert listed(copy) == {".gitignore", "link.py", "plugins/a.py", *kept}


def test_a_link_in_the_place_of_a_folder_is_not_followed(checkout: Path) -> None:
    copy = tree.make()
    outside = checkout.parent / "outside"
    outside.mkdir()
    (outside / "mine").write_text("", encoding="utf-8")
    (copy / "stale").symlink_to(outside)
    tree.make()
    assert not (copy / "stale").is_symlink()
    assert (outside / "mine").is_file()
