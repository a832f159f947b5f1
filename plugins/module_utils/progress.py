# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how far a long task is, in one small file that the action plugin reads meanwhile.

Phases and counts only: the file can be read by everybody on the host.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# Set by the action plugin; without it nothing is written.
VARIABLE = "TRUNDLE_PROGRESS"
INTERVAL = 1.0


class Progress:
    """Writes the file anew at most once in an interval, and at once when a phase begins."""

    def __init__(self, path: str | None = None, *, interval: float = INTERVAL) -> None:
        self.path = Path(path) if path else None
        self.interval = interval
        self.phase = ""
        self.last = 0.0
        self.lock = threading.Lock()

    def tell(self, phase: str, done: int = 0, total: int = 0, *, size: int = 0, total_size: int = 0) -> None:
        """done and total are numbers of files, size and total_size their bytes; 0 is for what is not known."""
        if self.path is None:
            return
        with self.lock:
            now = time.monotonic()
            if phase == self.phase and now - self.last < self.interval:
                return
            self.phase, self.last = phase, now
            line = {"phase": phase, "done": done, "total": total, "size": size, "total_size": total_size}
            self._write(json.dumps(line).encode("ascii") + b"\n")

    def close(self) -> None:
        with self.lock:
            if self.path is not None:
                for path in (self._part(self.path), self.path):
                    with contextlib.suppress(OSError):
                        path.unlink()
                self.path = None

    def _write(self, data: bytes) -> None:
        """Whoever cannot tell goes on with the work: nothing depends on it."""
        if self.path is None:
            return
        part = self._part(self.path)
        try:
            # The folder belongs to all users: a file or link that somebody else has put there is not written to.
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(descriptor, "wb") as stream:
                # The one who reads may be another user than the one who works.
                os.fchmod(descriptor, 0o644)
                stream.write(data)
            part.replace(self.path)
        except OSError:
            self.path = None

    @staticmethod
    def _part(path: Path) -> Path:
        return path.with_name(path.name + ".part")


class Steps:
    """Counts the files of one phase, which threads finish side by side."""

    def __init__(self, progress: Progress, phase: str, total: int, *, total_size: int = 0) -> None:
        self.progress, self.phase = progress, phase
        self.total, self.total_size = total, total_size
        self.finished = self.size = 0
        self.lock = threading.Lock()
        progress.tell(phase, 0, total, total_size=total_size)

    def done(self, size: int = 0) -> None:
        with self.lock:
            self.finished += 1
            self.size += size
            self.progress.tell(self.phase, self.finished, self.total, size=self.size, total_size=self.total_size)


@contextlib.contextmanager
def progress_file() -> Iterator[Progress]:
    """The file that the action plugin asked for, which is gone at the end; programs that are started do not see it."""
    progress = Progress(os.environ.pop(VARIABLE, None))
    try:
        yield progress
    finally:
        progress.close()
