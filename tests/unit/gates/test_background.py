# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import background
import pytest


@pytest.fixture(name="made")
def made_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like one of control groups: any process may be written to its list."""
    (tmp_path / "cpu" / background.NAME).mkdir(parents=True)
    (tmp_path / "cpu" / background.NAME / "cgroup.procs").touch()
    monkeypatch.setattr(background, "ROOT", tmp_path)
    return tmp_path / "cpu" / background.NAME


def test_the_group_gets_the_smallest_share(made: Path) -> None:
    assert background.group() == made
    assert (made / "cpu.shares").read_text() == "2"


def test_a_machine_without_control_groups_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "ROOT", tmp_path)
    assert background.group() is None
    assert list(tmp_path.iterdir()) == []


def test_a_program_joins_the_group_before_it_begins(made: Path) -> None:
    command = ["sh", "-c", 'echo "$$ $1"', "-", "a b"]
    assert background.placed(command) == command

    def work() -> str:
        return subprocess.run(background.placed(command), check=True, capture_output=True, text=True).stdout

    assert background.within(made, work) == f"{(made / 'cgroup.procs').read_text().strip()} a b\n"
    assert background.placed(command) == command
