# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: timeline
type: aggregate
short_description: Write when each task ran on each host, as JSON
version_added: 0.1.0
author:
  - trundle.django contributors (@trundle-django)
description:
  - Writes one JSON object a line to a file, for each task that ended on a host, so that a deploy can be looked at,
    and measured, afterwards.
  - The keys are C(play), C(task), C(role), C(host), C(started) and C(ended) in seconds since the epoch, C(status),
    and C(batch), which counts the batches of a play with C(serial) from 1; and C(seconds), C(first_answer) and
    C(boot_seconds) where the result of a module tells them.
requirements:
  - Enable it with C(callbacks_enabled = trundle.django.timeline) or E(ANSIBLE_CALLBACKS_ENABLED).
options:
  path:
    description: The file to write; it is begun anew with each run.
    type: path
    default: trundle-timeline.jsonl
    env:
      - name: TRUNDLE_TIMELINE
    ini:
      - section: callback_trundle_timeline
        key: path
"""

import json
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

_TIMES = ("seconds", "first_answer", "boot_seconds")


class CallbackModule(CallbackBase):
    """A line for each task and host: names and times only, nothing that could be a secret."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "trundle.django.timeline"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._play = ""
        self._batches: dict[str, int] = {}
        self._started: dict[tuple[str, str], float] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002 - the name is Ansible's
        # Open as long as the playbook runs.
        self._file = Path(self.get_option("path")).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - a block would close it

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()
        self._batches[play._uuid] = self._batches.get(play._uuid, 0) + 1
        self._batch = self._batches[play._uuid]

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started[host.get_name(), task._uuid] = time.time()

    def _write(self, result: Any, status: str) -> None:
        host, task = result._host.get_name(), result._task
        role = task._role.get_name() if task._role else None
        ended = time.time()
        line = {
            "play": self._play,
            "batch": self._batch,
            "role": role,
            "task": task.get_name(),
            "host": host,
            "started": self._started.pop((host, task._uuid), ended),
            "ended": ended,
            "status": status,
            **{name: result._result[name] for name in _TIMES if isinstance(result._result.get(name), (int, float))},
        }
        self._file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write(result, "skipped")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write(result, "unreachable")
