# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import interpreters
import pytest
import units
import venvs
from base import Result


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {version: Path("/usr/local/bin") / version for version in ("3.11", "3.12", "3.13")}
    monkeypatch.setattr(interpreters, "controllers", lambda: found | {"3.12": interpreters.DISTRIBUTION / "3.12"})


def test_the_oldest_and_the_newest_controller_and_the_oldest_host_are_tested(machine: None) -> None:
    assert list(units.parts()) == ["units-3.12", "units-3.11", "units-3.13", "units-3.9"]


def test_all_tests_run_on_the_usual_controller(machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, list[str]] = {}

    def run(name: str, _venv: Path, arguments: list[str], *, again: bool) -> Result:
        given.update({} if again else {name: [word for word in arguments if word not in units.PARALLEL]})
        return Result(name)

    monkeypatch.setattr(venvs, "controller", Path)
    monkeypatch.setattr(venvs, "host", lambda: Path("3.9"))
    monkeypatch.setattr(units, "_pytest", run)
    units.units()
    assert given == {"units-3.12": ["tests/unit"]}


def test_a_python_that_is_not_found_counts_as_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "controllers", lambda: {"3.12": Path("3.12")})
    monkeypatch.setattr(venvs, "host", lambda: None)
    parts = units.parts()
    second = Result("units-second-python", skipped=1, note="only Python 3.12 was found")
    assert parts["units-second-python"]() == [second]
    assert parts["units-3.9"]() == [Result("units-3.9", skipped=1, note="Python 3.9 was not found")]


def test_temporary_files_are_in_memory_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MEMORY", tmp_path)
    monkeypatch.setattr(units, "ROOM", 1)
    assert units._roomy() == tmp_path
    monkeypatch.setattr(units, "ROOM", 2**63)
    assert units._roomy() is None
    monkeypatch.setattr(units, "MEMORY", tmp_path / "missing")
    assert units._roomy() is None
