# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd says of a unit, and how it writes a release id in a unit's name."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# Runs a program: arguments -> exit status, standard output, standard error.
Runner = Callable[[list[str]], tuple[int, str, str]]

_KEPT = frozenset((string.ascii_letters + string.digits + ":_.").encode())
_PROPERTIES = ("LoadState", "ActiveState", "SubState", "NRestarts", "Result", "ExecMainStartTimestampMonotonic")


@dataclass(frozen=True)
class UnitState:
    """started: when its process was, in seconds of the monotonic clock; 0 where none was."""

    load: str
    active: str
    sub: str
    restarts: int
    result: str
    started: float = 0.0


def systemd_escape(text: str) -> str:
    """The same as the program systemd-escape: the instance name in <app>@<instance>.service."""
    escaped = [
        chr(byte) if byte in _KEPT and not (index == 0 and byte == ord(".")) else f"\\x{byte:02x}"
        for index, byte in enumerate(text.replace("/", "\0").encode("utf-8"))
    ]
    return "".join("-" if part == "\\x00" else part for part in escaped)


def unit_state(run: Runner, unit: str) -> UnitState:
    status, out, err = run(["systemctl", "show", "-p", ",".join(_PROPERTIES), "--", unit])
    if status != 0:
        raise TrundleError(f"Failed to ask systemd for {unit}: {err.strip() or out.strip()}")
    found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    restarts, started = found.get("NRestarts", "0"), found.get("ExecMainStartTimestampMonotonic", "0")
    return UnitState(
        load=found.get("LoadState", ""),
        active=found.get("ActiveState", ""),
        sub=found.get("SubState", ""),
        restarts=int(restarts) if restarts.isdigit() else 0,
        result=found.get("Result", ""),
        started=int(started) / 1e6 if started.isdigit() else 0.0,
    )


def journal(run: Runner, unit: str, lines: int = 20) -> list[str]:
    """The last lines of the unit; an unreadable journal has none, the failure itself matters more."""
    status, out, _err = run(["journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit])
    return out.splitlines() if status == 0 else []
