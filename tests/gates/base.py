# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are, what a part of the test run reports, and how a program is run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from background import placed

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
COLLECTIONS = BUILD / "collections"
TREE = COLLECTIONS / "ansible_collections" / "trundle" / "django"
_BESIDE: ContextVar[bool] = ContextVar("beside", default=False)


Command = Sequence["str | Path"]


class GateError(Exception):
    """A part could not run at all; the message says what to do."""


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and all that it printed."""

    status: int
    output: str


@dataclass(frozen=True)
class Result:
    """One row of the closing table."""

    part: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    note: str = ""


def say(text: str) -> None:
    print(text, flush=True)


def environment(venv: Path | None = None, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment, with the programs of a venv first and the collection copy to import from."""
    # Without bytecode each of the many programs that a test starts would compile Ansible or Django anew.
    unwanted = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    env = {name: value for name, value in os.environ.items() if name not in unwanted}
    env["UV_COMPILE_BYTECODE"] = "1"
    # make's own variables would reach, and confuse, a make that a test starts.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        env.pop(name, None)
    env["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    env["ANSIBLE_NOCOLOR"] = "1"
    if venv:
        env["VIRTUAL_ENV"] = str(venv)
        env["PATH"] = f"{venv / 'bin'}{os.pathsep}{env['PATH']}"
    env.update(extra or {})
    return env


def beside(part: Callable[[], list[Result]]) -> list[Result]:
    """Run a part whose output would be mixed with that of another one which runs at the same time."""
    token = _BESIDE.set(True)
    try:
        return part()
    finally:
        _BESIDE.reset(token)


def run(
    command: Command,
    *,
    log: str,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program, keep its output in build/logs and show it as it comes; beside others, only when it has failed."""
    shown = not _BESIDE.get()
    LOGS.mkdir(parents=True, exist_ok=True)
    words = [str(word) for word in command]
    say(f"\n$ {' '.join(word.replace(str(ROOT) + os.sep, '') for word in words)}")
    with (
        (LOGS / f"{log}.log").open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            placed(command),
            cwd=cwd,
            env=dict(env) if env is not None else environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        output = _tee(process.stdout, kept, shown=shown)
        status = process.wait()
    if status and not shown:
        say(output)
    return Outcome(status, output)


def _tee(source: IO[str] | None, kept: IO[str], *, shown: bool) -> str:
    lines = []
    for line in source or ():
        if shown:
            sys.stdout.write(line)
            sys.stdout.flush()
        kept.write(line)
        lines.append(line)
    return "".join(lines)


@contextlib.contextmanager
def locked(what: str) -> Iterator[None]:
    """Two runs in one checkout must not make the same thing at once: the second waits."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{what}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check(command: Command, *, log: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Result:
    """Run a program that either passes or fails as a whole: one test."""
    started = time.monotonic()
    status = run(command, log=log, cwd=cwd, env=env).status
    passed = status == 0
    return Result(
        log,
        passed=int(passed),
        failed=int(not passed),
        seconds=time.monotonic() - started,
        note="" if passed else f"exit status {status}",
    )
