# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.version_info < (3, 11):
    pytest.skip("runs on the controller, with Python 3.11 or newer", allow_module_level=True)

from ansible_collections.trundle.django.plugins.plugin_utils.run_identity import has_ended, identity, this_run


def test_a_task_names_the_process_that_it_belongs_to() -> None:
    assert this_run() == identity(os.getppid())
    assert this_run()


def test_f27_a_run_has_ended_when_its_process_was_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as run:
        named = identity(run.pid)
        assert not has_ended(named)
        run.send_signal(signal.SIGKILL)
        # Its parent has not asked for its exit status yet: nothing but that is left of it.
        deadline = time.monotonic() + 10
        while not has_ended(named):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert has_ended(named)


def test_a_process_that_got_the_same_number_is_another_run() -> None:
    head, _slash, started = identity(os.getpid()).rpartition("/")
    assert not has_ended(f"{head}/{started}")
    assert has_ended(f"{head}/{int(started) - 1}")


@pytest.mark.parametrize("run", ["", "7", "x/7/9", "other-boot/pid:[4026531836]/999999999/9"])
def test_of_a_run_elsewhere_nothing_is_said(run: str) -> None:
    assert not has_ended(run)


def test_a_run_in_another_container_of_this_machine_is_elsewhere() -> None:
    boot, _namespace, _pid, started = identity(os.getpid()).split("/")
    assert not has_ended(f"{boot}/pid:[1]/999999999/{started}")


def test_a_controller_without_proc_says_nothing(tmp_path: Path) -> None:
    assert identity(os.getpid(), tmp_path) == ""
    assert not has_ended(identity(os.getpid()), tmp_path)
