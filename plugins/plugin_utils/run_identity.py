# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run of Ansible this is, and whether another one has certainly ended.

A run is its main process on the controller: kernel boot, PID namespace, PID and start time. Only within the same boot
and namespace can it be known that a process is gone; of all else nothing is said.
"""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def identity(pid: int, proc: Path = _PROC) -> str:
    """Empty where it cannot be told, as on a controller without /proc."""
    started = _started(pid, proc)
    return f"{_world(proc)}/{pid}/{started}" if started and _world(proc) else ""


def this_run() -> str:
    """Ansible runs each task in a process of its own, whose parent is the run."""
    return identity(os.getppid())


def has_ended(run: str, proc: Path = _PROC) -> bool:
    world, _slash, process = run.rpartition("/")[0].rpartition("/")
    if not world or world != _world(proc) or not process.isdigit():
        return False
    return identity(int(process), proc) != run


def _world(proc: Path) -> str:
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(proc / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int, proc: Path) -> str:
    """In ticks since boot; empty where there is no such process, or nothing of it but its exit status."""
    try:
        # The program's name stands in parentheses and may hold spaces.
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
