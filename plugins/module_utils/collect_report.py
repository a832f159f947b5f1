# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program in the project's Python tells while it works.

Standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

PROGRESS_INTERVAL = 0.5


class Channel:
    """The descriptor that the answer leaves on."""

    def __init__(self, descriptor: int) -> None:
        # A program that the settings start must not keep the channel open.
        os.set_inheritable(descriptor, False)
        self.descriptor = descriptor
        self.phase = ""
        self.last = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode("ascii") + b"\n")
        while data:
            data = data[os.write(self.descriptor, data) :]

    def progress(self, phase: str, done: int, total: int) -> None:
        """Also the way to notice that nobody waits any more: the write fails then."""
        now = time.monotonic()
        if phase != self.phase or now - self.last >= PROGRESS_INTERVAL:
            self.phase, self.last = phase, now
            self.send({"progress": {"phase": phase, "done": done, "total": total}})


class Phases:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.monotonic()

    def end(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self.last, 3)
        self.last = now
