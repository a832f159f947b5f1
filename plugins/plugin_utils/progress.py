# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far a long task is while its module works.

A module cannot print before it ends. It writes where it is into a small file (module_utils/progress.py) whose path it
gets in its environment, and a thread beside it reads that file: directly where the module runs on this machine, else
through a second connection, since a connection object serves one thread. With SSH's ControlMaster, Ansible's default,
that is one small command in the session that is open already.

The other way is to wrap the module in Ansible's async and to ask async_status. That runs a whole module for each look,
makes even a short task wait for the next one, and puts another result and another way to fail between the module and
the user, none of which a line of progress is worth.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ansible import constants
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import connection_loader
from ansible.utils.display import Display

from ansible_collections.trundle.django.plugins.module_utils.progress import VARIABLE

# A task that is done by then shows nothing.
INTERVAL = 3.0
# So many looks without an answer, one after the other, end it.
PATIENCE = 5
# How long the end of a task waits for a look that is under way.
LAST_LOOK = 1.0
# Bytes that are told are told in MB.
WORTH_TELLING = 100_000
# A line has no more bytes than that.
ENOUGH = 1024

# What is read from the host is never shown itself: only these words, and numbers.
COUNTED = {
    "copy": "copying {files}",
    "hash": "hashing {files}",
    "compress": "compressing {files}",
    "upload": "uploaded {files}",
    "headers": "checked the headers of {files}",
    "fetch": "fetched {files}",
    "delete": "deleted {files}",
}
PLAIN = {
    "start": "starting the project",
    "find": "finding files",
    "list": "listing the store",
    "prove": "asking the store for what was uploaded",
    "lock": "waiting for another deploy to end",
    "settle": "waiting for publishes that have begun",
    "sweep": "waiting for old files to be deleted",
}

display = Display()


class ProgressAction(NormalAction):
    """What Ansible does for any module, with somebody who looks on."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        path = self.progress_path()
        read = None if self._task.no_log or self._task.async_val else reader(self._connection, self._play_context, path)
        if read is None:
            return self.run_module(tmp, task_vars)
        environment = self._task.environment
        self._task.environment = [*environment, {VARIABLE: path}]
        try:
            with Watch(read, self.prefix(task_vars or {})):
                return self.run_module(tmp, task_vars)
        finally:
            self._task.environment = environment

    def run_module(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def progress_path(self) -> str:
        """In a folder of the host that all may write to.

        The task's own folder does not exist with pipelining, and an unprivileged user that the module becomes may not
        write there.
        """
        folders = self.get_shell_option("system_tmpdirs") or ["/tmp"]  # noqa: S108 (the name in it is not to be guessed)
        folder = "/tmp" if "/tmp" in folders else str(folders[0])  # noqa: S108 (likewise)
        return f"{folder.rstrip('/')}/trundle-progress-{secrets.token_hex(16)}"

    def prefix(self, task_vars: dict[str, Any]) -> str:
        """The host, as Ansible's own lines name it, and the module."""
        host = task_vars.get("inventory_hostname", "")
        if self._task.delegate_to:
            host = f"{host} -> {self._task.delegate_to}"
        return f"[{host}] {self._task.action.rpartition('.')[2]}"


class Watch:
    """Reads and shows in a thread of its own, while the body runs."""

    def __init__(self, read: Callable[[], str | None], prefix: str) -> None:
        self.read, self.prefix = read, prefix
        self.started = time.monotonic()
        self.over = threading.Event()
        # As a daemon: a look that hangs must not keep Ansible's process.
        self.thread = threading.Thread(target=self.look_on, name="trundle-progress", daemon=True)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.thread.join(LAST_LOOK)

    def look_on(self) -> None:
        misses = 0
        while misses < PATIENCE and not self.over.wait(INTERVAL):
            try:
                text = self.read()
            except Exception:
                # Whatever keeps us from reading is no matter of the task.
                return
            told = describe(text) if text else None
            misses = 0 if told else misses + 1
            if told and not self.over.is_set():
                show(f"{self.prefix}: {told} ({time.monotonic() - self.started:.0f} s)")


def show(line: str) -> None:
    # Where standard output is a document for programs, it stays one.
    stderr = constants.VERBOSE_TO_STDERR or "json" in constants.DEFAULT_STDOUT_CALLBACK
    display.display(line, color=constants.COLOR_VERBOSE, stderr=stderr)


def describe(text: str) -> str | None:
    """The words for what the module wrote; None for anything else that may be there."""
    try:
        told = json.loads(text)
        phase = told["phase"]
        done, total, size, total_size = (int(told[name]) for name in ("done", "total", "size", "total_size"))
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(phase, str) or (phase not in COUNTED and phase not in PLAIN):
        return None
    if phase in PLAIN:
        return PLAIN[phase]
    # A storage class of the project's own may go over its files more than once.
    files = f"{min(done, total):,} of {total:,} files"
    if total_size >= WORTH_TELLING:
        files += f", {megabytes(size, total_size)} of {megabytes(total_size, total_size)} MB"
    return COUNTED[phase].format(files=files)


def megabytes(size: int, total_size: int) -> str:
    return f"{size / 1e6:,.{0 if total_size >= 1e7 else 1}f}"


def reader(connection: Any, play_context: Any, path: str) -> Callable[[], str | None] | None:
    """A function that returns the file's text, None while there is none, and raises where that cannot be known."""
    if connection.transport == "local":
        return lambda: read_local(Path(path))
    if connection.transport == "ssh":
        return Remote(connection, play_context, path)
    return None


def read_local(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return stream.read(ENOUGH).decode("ascii")
    except FileNotFoundError:
        return None


class Remote:
    """Reads through a connection of its own, which is made when it is first needed."""

    def __init__(self, connection: Any, play_context: Any, path: str) -> None:
        self.connection, self.play_context, self.path = connection, play_context, path
        self.second: Any = None

    def __call__(self) -> str | None:
        if self.second is None:
            self.second = connection_loader.get(self.connection._load_name, self.play_context)
            self.second.set_options(direct=self.connection.get_options())
        # Never as another user: all may read the file.
        status, output, _errors = self.second.exec_command(f"head -c {ENOUGH} {self.path}", sudoable=False)
        return output.decode("ascii") if status == 0 else None
