# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill what runs a swap, once a file holds a text: FILE TEXT WORD...; the processes are those with each WORD in theirs.

Prints how many were killed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

FILE, TEXT, WORDS = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]


def holds() -> bool:
    try:
        return not TEXT or TEXT in FILE.read_text()
    except OSError:
        return FILE.is_socket() and not TEXT


def found() -> list[int]:
    numbers = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) in (os.getpid(), os.getppid()):
            continue
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if all(word in line for word in WORDS) and "kill.py" not in line:
            numbers.append(int(process.name))
    return numbers


deadline = time.monotonic() + 60
while not (FILE.exists() and holds() and found()):
    if time.monotonic() > deadline:
        sys.exit(f"{FILE} does not hold {TEXT!r}, or nothing runs with {WORDS}")
    time.sleep(0.02)
killed = found()
for number in killed:
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
print(len(killed))
