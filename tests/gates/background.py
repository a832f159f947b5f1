# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that take only what others leave of the processor: linters beside scenarios whose visitors are timed.

A control group of its own does it, and not `nice`: the kernel weighs sessions before it looks at nice values, and
Ansible's workers have sessions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

ROOT = Path("/sys/fs/cgroup")
NAME = "trundle-background"
# Where the group is in either version of control groups, the file of its share, and the smallest share.
PLACES = (("cpu", "cpu.shares", "2"), (".", "cpu.weight", "1"))
Done = TypeVar("Done")
_GROUP: ContextVar[Path | None] = ContextVar("group", default=None)


def group() -> Path | None:
    """The control group, or None where this machine or user can have none."""
    for folder, share, value in PLACES:
        made = ROOT / folder / NAME
        try:
            made.mkdir(exist_ok=True)
            # Where it is no folder of control groups, writing would make a file of that name.
            if (made / "cgroup.procs").is_file():
                (made / share).write_text(value, encoding="ascii")
                return made
            made.rmdir()
        except OSError:
            continue
    return None


def within(made: Path, work: Callable[[], Done]) -> Done:
    """Run a part of the test run with all its programs in the group."""
    token = _GROUP.set(made)
    try:
        return work()
    finally:
        _GROUP.reset(token)


def placed(command: Sequence[str | Path]) -> list[str]:
    """The command, which joins the group of this part first; children stay in it, whatever session they make."""
    made = _GROUP.get()
    words = [str(word) for word in command]
    if made is None:
        return words
    return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(made / "cgroup.procs"), *words]
