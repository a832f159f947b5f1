# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and peak memory of programs, and what machine this is."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE_SECONDS = 0.05
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Usage:
    seconds: float
    megabytes: float


class Sampler:
    """The peak of the resident memory of all processes below one, those that they start included; and itself, if told.

    What forks share is counted for each of them, so a program of one process is never at a disadvantage.
    """

    def __init__(self, root: int | None, *, itself: bool = False) -> None:
        self.root = root
        self.itself = itself
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while self.root and not self._done.wait(SAMPLE_SECONDS):
            pids = below(self.root) + ([self.root] if self.itself else [])
            self.peak = max(self.peak, sum(resident(pid) for pid in pids))


def below(root: int) -> list[int]:
    """The processes that a process has started, directly or not."""
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        children: list[int] = []
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                children += [int(child) for child in (task / "children").read_text().split()]
        found += children
        queue += children
    return found


def resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None, memory: bool = True
) -> Usage:
    """Run a program to its end; what it prints is shown only when it fails."""
    words = [str(word) for word in command]
    started = time.monotonic()
    with (
        subprocess.Popen(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process,
        Sampler(process.pid if memory else None, itself=True) as sampler,
    ):
        output = process.communicate()[0]
        seconds = time.monotonic() - started
    if process.returncode:
        text = output.decode(errors="replace")[-4000:]
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}:\n{text}")
    return Usage(seconds, sampler.peak / 1e6)


def machine() -> dict[str, Any]:
    info = _read("/proc/cpuinfo")
    model = re.search(r"model name\s*:\s*(.*)", info)
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model.group(1) if model else platform.machine(),
        "memory_gb": round(int(memory.group(1)) / 1e6, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        # A machine that does other work beside gives ratios that are worth less.
        "load_before": round(os.getloadavg()[0], 2),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
