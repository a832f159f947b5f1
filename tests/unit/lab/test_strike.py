# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploys here are small programs that write a timeline as the callback does."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import strike

DEPLOY = """
import json, os, sys, time
with open(os.environ["TRUNDLE_TIMELINE"], "w", buffering=1) as file:
    for task, host, status in [("role : Start", "web1", "ok"), ("role : Start", "web2", "skipped"),
                               ("role : Start", "web3", "changed"), ("role : Stop", "web3", "ok")]:
        file.write(json.dumps({"task": task, "host": host, "status": status}) + "\\n")
        time.sleep(0.3)
sys.exit(3)
"""
# Whose own child outlives it, unless that is killed too.
LONG = """
import subprocess, sys
code = "import pathlib, sys, time; time.sleep(3); pathlib.Path(sys.argv[1]).touch()"
subprocess.run([sys.executable, "-c", code, sys.argv[1]])
"""


def run(tmp_path: Path, *options: str, code: str = DEPLOY, given: str = "") -> tuple[int, dict[str, Any]]:
    out = tmp_path / "strike.json"
    command = ["--out", str(out), *options, "--", sys.executable, "-c", code, *([given] if given else [])]
    return strike.run(strike.build_parser().parse_args(command))


@pytest.mark.parametrize(
    ("host", "lines"),
    [
        pytest.param([], 1, id="any"),
        pytest.param(["--host=web3"], 3, id="named"),
        pytest.param(["--host=web2"], 0, id="skipped"),
    ],
)
def test_it_strikes_when_the_task_has_ended_on_the_host(tmp_path: Path, host: list[str], lines: int) -> None:
    status, result = run(tmp_path, "--task=Start", *host, "--do", f"wc -l {tmp_path}/strike.jsonl")
    assert status == result["status"] == 3
    assert [int(one["output"].split()[0]) for one in result["strikes"]] == ([lines] if lines else [])


def test_the_deploy_waits_for_a_strike_that_takes_long(tmp_path: Path) -> None:
    timeline = tmp_path / "strike.jsonl"
    _status, result = run(tmp_path, "--task=Start", "--do", f"sh -c 'sleep 1; wc -l {timeline}'")
    assert [one["output"].split()[0] for one in result["strikes"]] == ["1"]
    assert len(timeline.read_text().splitlines()) == 4


def test_later_strikes_follow_in_their_time(tmp_path: Path) -> None:
    _status, result = run(tmp_path, "--task=Start", "--do", "false", "--then", "0.2", "echo then")
    first, second = result["strikes"]
    assert first["status"] == 1
    assert second["output"] == "then\n"
    assert second["began"] - first["began"] >= 0.2


def test_f27_a_killed_controller_leaves_no_process_behind(tmp_path: Path) -> None:
    mark = tmp_path / "survived"
    status, result = run(tmp_path, "--kill-within=8", "--seed=1", code=LONG, given=str(mark))
    assert status == 137
    assert result["strikes"][0]["after"] == 1.1
    time.sleep(max(0.0, 5 - result["seconds"]))
    assert not mark.exists()


def test_the_moment_is_that_of_the_seed_and_a_deploy_that_ended_before_is_none_that_was_killed(tmp_path: Path) -> None:
    status, result = run(tmp_path, "--kill-within=100000", "--seed=1", code="import sys; sys.exit(0)")
    assert (status, result["strikes"]) == (0, [])
    assert json.dumps(result)
