# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: what is removed, and what check mode says of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.trundle.django.plugins.modules import build_step_prune

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="builds run on a build host, with 3.11 or newer")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / ".trundle").mkdir()
    (tmp_path / ".trundle" / "0.json").write_text('{"names": ["dist"]}')
    (tmp_path / "dist").mkdir()

    def run_module(**params: Any) -> dict[str, Any]:
        arguments = {"path": str(tmp_path), "steps": [], "_ansible_diff": True, **params}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            build_step_prune.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run_module


def test_check_mode_tells_what_a_run_removes(run: Any, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    planned = run(_ansible_check_mode=True)
    assert dist.is_dir()
    done = run()
    assert not dist.exists()
    for result in (planned, done):
        assert (result["changed"], result["removed"]) == (True, [str(dist)])
        assert result["diff"] == {"before": f"{dist}\n", "after": ""}
    assert (run()["changed"], run()["removed"]) == (False, [])


def test_a_step_that_is_there_keeps_its_outputs(run: Any) -> None:
    assert run(steps=[{"name": "Vite", "outputs": ["dist"]}])["changed"] is False


def test_a_wrong_step_is_told_of(run: Any, tmp_path: Path) -> None:
    assert "needs its outputs" in run(steps=[{"chdir": "frontend"}])["msg"]
    assert (tmp_path / "dist").is_dir()
