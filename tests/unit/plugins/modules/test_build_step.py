# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: options in, result out, and no value of the environment in between."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.trundle.django.plugins.modules import build_step

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="builds run on a build host, with 3.11 or newer")


class Run:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.capsys = folder, capsys
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "caches"))
        (folder / "project").mkdir()
        (folder / "project" / "in.txt").write_text("a")

    def __call__(self, command: Any, **params: Any) -> dict[str, Any]:
        arguments = {"command": command, "chdir": str(self.folder / "project"), "outputs": ["out.txt"], **params}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            build_step.main()
        self.output = self.capsys.readouterr().out
        result: dict[str, Any] = json.loads(self.output)
        return result

    def made(self) -> str:
        return (self.folder / "project" / "out.txt").read_text()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize("command", ["cp 'in.txt' out.txt", ["cp", "in.txt", "out.txt"]])
def test_a_command_is_a_list_or_a_text(run: Run, command: Any) -> None:
    result = run(command)
    assert (result["changed"], result["ran"], result["restored"]) == (True, True, False)
    assert run.made() == "a"
    assert run(command)["changed"] is False


def test_both_forms_are_the_same_command(run: Run) -> None:
    assert run("cp in.txt out.txt")["key"] == run(["cp", "in.txt", "out.txt"])["key"]


def test_outputs_are_kept_below_the_cache_folder_of_the_user(run: Run) -> None:
    run("cp in.txt out.txt")
    assert len(list((run.folder / "caches/trundle/build-steps").iterdir())) == 1


def test_an_empty_cache_is_none(run: Run) -> None:
    run("cp in.txt out.txt", cache="")
    assert not (run.folder / "caches").exists()


def test_values_of_the_environment_are_not_shown_and_short_ones_garble_nothing(run: Run) -> None:
    environment = {"TOKEN": "hunter2", "ONE": "1", "GONE": None}
    result = run(["sh", "-c", "echo $TOKEN 1 >&2; exit 1"], environment=environment)
    assert result["failed"]
    assert result["status"] == 1
    assert result["output"] == ["******** 1"]
    assert "hunter2" not in run.output
    result = run(["sh", "-c", "echo $TOKEN > out.txt"], environment=environment)
    assert run.made() == "hunter2\n"
    assert "hunter2" not in run.output
    assert "********" not in result["key"]


def test_the_diff_shows_the_inputs(run: Run) -> None:
    run("cp in.txt out.txt")
    (run.folder / "project" / "in.txt").write_text("b")
    diff = run("cp in.txt out.txt", _ansible_diff=True)["diff"]
    assert diff["before"].endswith(" in.txt\n")
    assert diff["after"].endswith(" in.txt\n")
    assert diff["before"] != diff["after"]
    assert "diff" not in run("cp in.txt out.txt")


def test_a_size_that_is_none_is_refused(run: Run) -> None:
    assert "cache_size is not a size" in run("true", cache_size="many")["msg"]
