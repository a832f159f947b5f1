# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch an nginx upstream, and know when nobody uses the old one any more.

After a reload the old workers finish their requests with the old upstream. Whoever stops the old
application before they are gone loses these requests (F18).
"""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import (
    atomic_write,
    read_bytes,
)
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner

POLL = 0.05
START_TIMEOUT = 15.0

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SERVER = re.compile(r"[^\s;{}'\"#\\][^;{}'\"#\\\r\n]*")


@dataclass(frozen=True)
class Worker:
    """A worker process; with its start time, since a pid alone may come again."""

    pid: int
    started: str
    leaving: bool


@dataclass(frozen=True)
class Nginx:
    """The nginx that serves: its program, its configuration file (None: built in), its pid file."""

    run: Runner
    program: str = "nginx"
    config: str | None = None
    pid_file: Path = Path("/run/nginx.pid")

    def master(self) -> int:
        data = read_bytes(self.pid_file)
        text = "" if data is None else data.decode("ascii", "replace").strip()
        if not text.isdigit() or not self._is_master(_title(int(text))):
            raise TrundleError(f"nginx is not running (by its pid file {self.pid_file}): start it first.")
        return int(text)

    def _is_master(self, title: str) -> bool:
        """Right after its start a master still has the command line that it was started with."""
        return title.startswith("nginx: master") or Path(title.split(" ")[0]).name == Path(self.program).name

    def test(self) -> None:
        """Raise with nginx's own words when it would not take its configuration."""
        status, out, err = self.run([self.program, *(["-c", self.config] if self.config else []), "-t", "-q"])
        if status != 0:
            raise TrundleError(f"nginx refuses the configuration: {(err.strip() or out.strip())}")


@dataclass(frozen=True)
class Drain:
    """Whether the old workers ended in time; the pids that did not; how long that took."""

    drained: bool
    remaining: list[int]
    seconds: float


def render(name: str, servers: list[str]) -> bytes:
    """The upstream file: its bytes are the same for the same servers."""
    if not _NAME.fullmatch(name):
        raise TrundleError(f"The upstream name {name!r} is not valid: use letters, digits, '_', '.' and '-'.")
    if not servers:
        raise TrundleError(f"The upstream '{name}' needs at least one server.")
    for server in servers:
        if not _SERVER.fullmatch(server):
            raise TrundleError(f"The server {server!r} of upstream '{name}' is not valid in an nginx configuration.")
    lines = "".join(f"    server {server};\n" for server in servers)
    return f"# Managed by trundle.django; changes are overwritten.\nupstream {name} {{\n{lines}}}\n".encode()


def is_current(path: Path, data: bytes) -> bool:
    """Whether nginx already runs with this file; not so when an earlier switch was cut off."""
    return read_bytes(path) == data and not _pending(path).exists()


def switch(nginx: Nginx, path: Path, data: bytes, *, drain_timeout: float) -> Drain:
    """Put the file in place, reload, and wait for the old workers; the old file comes back on failure."""
    begin = time.monotonic()
    master = nginx.master()
    before = read_bytes(path)
    old = workers(master)
    # Until this mark is gone, nobody knows whether nginx runs with what is in the file.
    atomic_write(_pending(path), b"")
    atomic_write(path, data)
    try:
        nginx.test()
        os.kill(master, signal.SIGHUP)
        _wait_for_new(master, old)
    except (TrundleError, OSError) as exc:
        _restore(path, before)
        _pending(path).unlink(missing_ok=True)
        raise exc if isinstance(exc, TrundleError) else TrundleError(f"Failed to reload nginx: {exc.strerror}") from exc
    _pending(path).unlink(missing_ok=True)
    return _drain(master, old, begin=begin, timeout=drain_timeout)


def rotate(nginx: Nginx, *, drain_timeout: float) -> Drain:
    """Have new workers take new requests, and wait until the others have ended those in flight."""
    begin = time.monotonic()
    master = nginx.master()
    old = workers(master)
    nginx.test()
    os.kill(master, signal.SIGHUP)
    _wait_for_new(master, old)
    return _drain(master, old, begin=begin, timeout=drain_timeout)


def drain_leaving(nginx: Nginx, *, drain_timeout: float) -> Drain:
    """Wait for workers that an earlier reload told to leave."""
    master = nginx.master()
    leaving = [worker for worker in workers(master) if worker.leaving]
    return _drain(master, leaving, begin=time.monotonic(), timeout=drain_timeout)


def workers(master: int) -> list[Worker]:
    pids = [int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit()]
    return [worker for worker in (_worker(pid, master) for pid in pids) if worker is not None]


def _worker(pid: int, master: int) -> Worker | None:
    try:
        # The program's name stands in parentheses and may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20 or int(fields[1]) != master or fields[0] == b"Z":
        return None
    title = _title(pid)
    if not title.startswith("nginx: worker"):
        return None
    return Worker(pid=pid, started=fields[19].decode(), leaving="shutting down" in title)


def _wait_for_new(master: int, old: list[Worker]) -> None:
    known = {(worker.pid, worker.started) for worker in old}
    _until(
        lambda: any((worker.pid, worker.started) not in known for worker in workers(master)),
        timeout=START_TIMEOUT,
        otherwise=f"nginx started no new workers within {START_TIMEOUT:g} s of the reload: its error log tells why.",
    )


def _drain(master: int, old: list[Worker], *, begin: float, timeout: float) -> Drain:
    known = {(worker.pid, worker.started) for worker in old}
    deadline = time.monotonic() + timeout
    while True:
        remaining = [worker.pid for worker in workers(master) if (worker.pid, worker.started) in known]
        if not remaining or time.monotonic() >= deadline:
            return Drain(drained=not remaining, remaining=sorted(remaining), seconds=time.monotonic() - begin)
        time.sleep(POLL)


def _until(done: Callable[[], bool], *, timeout: float, otherwise: str) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() >= deadline:
            raise TrundleError(otherwise)
        time.sleep(POLL)


def _restore(path: Path, before: bytes | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        atomic_write(path, before)


def _pending(path: Path) -> Path:
    """Beside the file, under a name that an include of *.conf does not match."""
    return path.with_name(f".{path.name}.pending")


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""
