# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import interpreters
import pytest

VERSION = "3.12"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has no interpreter at all."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(interpreters, "DISTRIBUTION", tmp_path / "usr")
    interpreters.find.cache_clear()
    yield
    interpreters.find.cache_clear()


def test_most_runs_on_the_python_of_the_distribution(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.12", "echo 3.12 $0")
    program(tmp_path / "bin" / "python3.13", "echo 3.13 $0")
    assert interpreters.usual() == "3.13"
    own = program(tmp_path / "usr" / "python3.12", "echo 3.12 $0")
    interpreters.find.cache_clear()
    assert interpreters.usual() == VERSION
    assert interpreters.find(VERSION) == own
    assert interpreters.ends() == [VERSION, "3.13"]


def test_an_old_python_of_the_distribution_is_no_controller(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.12", "echo 3.12 $0")
    program(tmp_path / "usr" / "python3.10", "echo 3.10 $0")
    assert interpreters.usual() == VERSION


def test_path_comes_before_pyenv(tmp_path: Path) -> None:
    wanted = program(tmp_path / "bin" / "python3.12", "echo 3.12 $0")
    program(tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12", "echo 3.12 $0")
    assert interpreters.find(VERSION) == wanted


def test_a_shim_that_leads_nowhere_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "python3.12", "exit 127")
    versions = tmp_path / "pyenv" / "versions"
    program(versions / "3.12.9" / "bin" / "python3.12", "echo 3.12 $0")
    wanted = program(versions / "3.12.10" / "bin" / "python3.12", "echo 3.12 $0")
    assert interpreters.find(VERSION) == wanted


def test_python3_counts_only_for_its_own_version(tmp_path: Path) -> None:
    wanted = program(tmp_path / "bin" / "python3", "echo 3.13 $0")
    assert interpreters.find("3.13") == wanted
    assert interpreters.find(VERSION) is None


def test_a_machine_without_a_controller_is_told_what_to_install() -> None:
    with pytest.raises(interpreters.GateError, match=r"install one of 3\.11, 3\.12"):
        interpreters.newest()


def test_the_running_interpreter_is_found_by_its_version(tmp_path: Path) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    link = tmp_path / "bin" / f"python{version}"
    link.parent.mkdir()
    link.symlink_to(sys.executable)
    assert interpreters.find(version) == Path(sys.executable).resolve()
