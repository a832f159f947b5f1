# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps have left that are no longer there goes, and nothing else does."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.build_step import Step, build
from ansible_collections.trundle.django.plugins.module_utils.build_step_prune import (
    find_stale,
    outputs_of,
    remove_stale,
)
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def run_step(root: Path, chdir: str, *outputs: str) -> None:
    folder = root / chdir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.txt").write_text("x")
    command = " && ".join(f"mkdir -p {shlex.quote(name)} && cp in.txt {shlex.quote(name)}/" for name in outputs)
    build(Step(["sh", "-c", command], folder, list(outputs), ["in.txt"]))


def prune(root: Path, *steps: tuple[str, list[str]]) -> list[str]:
    stale = find_stale(root, outputs_of(root, [{"chdir": chdir, "outputs": outputs} for chdir, outputs in steps]))
    removed = [str(path.relative_to(root)) for step in stale for path in step.outputs]
    remove_stale(stale)
    return removed


def test_outputs_of_a_step_that_is_gone_are_removed(tmp_path: Path) -> None:
    run_step(tmp_path, "frontend", "../static/vite")
    run_step(tmp_path, "styles", "css", "fonts")
    assert prune(tmp_path, ("frontend", ["../static/vite"])) == ["styles/css", "styles/fonts"]
    assert (tmp_path / "static/vite/in.txt").exists()
    assert (tmp_path / "styles/in.txt").exists()
    assert list((tmp_path / "styles/.trundle").iterdir()) == []
    assert prune(tmp_path, ("frontend", ["../static/vite"])) == []
    assert prune(tmp_path) == ["static/vite"]


def test_what_another_step_makes_now_stays(tmp_path: Path) -> None:
    run_step(tmp_path, "frontend", "../static/vite", "extra")
    assert prune(tmp_path, ("webpack", ["../static/vite/deep"])) == ["frontend/extra"]
    run_step(tmp_path, "frontend", "../static/vite", "extra")
    assert prune(tmp_path, ("webpack", ["../static"])) == ["frontend/extra"]
    run_step(tmp_path, "frontend", "../static/vite", "extra")
    # It makes less than before.
    assert prune(tmp_path, ("frontend", ["../static/vite"])) == ["frontend/extra"]


def test_nothing_outside_of_the_folder_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "site"
    (root / ".trundle").mkdir(parents=True)
    (root / ".git").mkdir()
    (tmp_path / "other").mkdir()
    (root / "link").symlink_to(tmp_path)
    names = ["../other", str(tmp_path / "other"), ".", "..", "link/other", ".git"]
    (root / ".trundle" / "0.json").write_text(json.dumps({"names": names}))
    assert prune(root) == []
    assert (tmp_path / "other").is_dir()
    assert (root / ".git").is_dir()


@pytest.mark.parametrize("text", ["{", "[]", '{"names": 3}', '{"names": [3]}', "{}"])
def test_a_state_that_tells_nothing_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / ".trundle").mkdir()
    (tmp_path / ".trundle" / "0.json").write_text(text)
    assert find_stale(tmp_path, set()) == []


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert prune(tmp_path / "site") == []


@pytest.mark.parametrize("step", [{}, {"outputs": []}, {"outputs": "dist"}])
def test_a_step_without_outputs_is_refused(tmp_path: Path, step: dict[str, str]) -> None:
    with pytest.raises(TrundleError, match="needs its outputs"):
        outputs_of(tmp_path, [step])
