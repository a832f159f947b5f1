# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PLAYBOOK = """
- name: Two batches
  hosts: all
  connection: local
  gather_facts: false
  serial: 1
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: Change
      ansible.builtin.debug:
        msg: secret-of-the-task
      changed_when: true
    - name: Skip
      ansible.builtin.debug:
      when: false
    - name: Time
      ansible.builtin.wait_for:
        timeout: 1
    - name: Fail
      ansible.builtin.fail:
      ignore_errors: true
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What a real run over two hosts writes."""
    folder = tmp_path_factory.mktemp("timeline")
    (folder / "play.yml").write_text(PLAYBOOK)
    environment = os.environ | {
        "ANSIBLE_CALLBACKS_ENABLED": "trundle.django.timeline",
        "TRUNDLE_TIMELINE": str(folder / "timeline.jsonl"),
        "ANSIBLE_HOME": str(folder),
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", "one,two,", folder / "play.yml"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in (folder / "timeline.jsonl").read_text().splitlines()]


def test_each_task_of_each_host_has_a_line(lines: list[dict[str, Any]]) -> None:
    seen = [(line["host"], line["batch"], line["task"], line["status"]) for line in lines]
    tasks = [("Change", "changed"), ("Skip", "skipped"), ("Time", "ok"), ("Fail", "ignored")]
    assert seen == [(host, batch, *task) for host, batch in (("one", 1), ("two", 2)) for task in tasks]


def test_times_are_in_order(lines: list[dict[str, Any]]) -> None:
    timed = [line for line in lines if line["task"] == "Time"]
    assert all(line["ended"] - line["started"] >= 1 for line in timed)
    assert timed[0]["ended"] <= timed[1]["started"]


def test_nothing_of_arguments_or_results_is_written(lines: list[dict[str, Any]]) -> None:
    assert "secret-of-the-task" not in json.dumps(lines)
    assert {key for line in lines for key in line} <= {
        *(
            "play",
            "batch",
            "role",
            "task",
            "host",
            "started",
            "ended",
            "status",
            "seconds",
            "first_answer",
            "boot_seconds",
        )
    }
