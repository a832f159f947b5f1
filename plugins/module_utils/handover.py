# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hand the requests of a host from one release to another where only one of them has room to run.

The new release's socket listens before its process is there, and nginx sends new requests to it while the old process
ends its last ones: nobody is refused, those in between wait in the socket's backlog (F17). That a connection starts the
process is what systemd does; a lock that the unit takes shared before it starts keeps it back until the old one has
ended. The kernel lets go of the lock when this process dies, so that nothing is held for ever.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils import instance, nginx
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner


@dataclass(frozen=True)
class Upstream:
    """The file that names the release which nginx sends requests to."""

    name: str
    path: Path
    data: bytes


@dataclass(frozen=True)
class Handover:
    """drained: whether requests in flight ended in time; pause: seconds that none was answered."""

    drained: bool
    pause: float
    seconds: float


def is_done(run: Runner, upstream: Upstream, *, old: instance.Units | None, new: instance.Units) -> bool:
    """Whether a handover has nothing to do: nginx and systemd are where it leads."""
    new_status = instance.status_of(run, new)
    old_status = None if old is None else instance.status_of(run, old)
    old_gone = old_status is None or not (old_status.running or old_status.enabled or old_status.failed)
    return nginx.is_current(upstream.path, upstream.data) and new_status.active and new_status.enabled and old_gone


def hand_over(
    run: Runner,
    server: Nginx,
    upstream: Upstream,
    *,
    old: instance.Units | None,
    new: instance.Units,
    hold: Path,
    drain_timeout: float,
) -> Handover:
    begin = time.monotonic()
    # While long requests end in nginx workers that take no new ones, the old release still answers all others.
    first = nginx.rotate(server, drain_timeout=drain_timeout)
    with held(hold):
        instance.listen(run, new, instance.status_of(run, new))
        paused = time.monotonic()
        second = nginx.switch(server, upstream.path, upstream.data, drain_timeout=drain_timeout)
        if old is not None:
            instance.stop(run, old, instance.status_of(run, old), wait=True)
    instance.serve(run, new)
    ended = time.monotonic()
    return Handover(drained=first.drained and second.drained, pause=ended - paused, seconds=ended - begin)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep units from starting that take this lock first; the file stays, since others may wait at it."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise TrundleError(f"Failed to open the lock {path}: {exc.strerror}") from exc
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise TrundleError(f"Another handover runs on this host: it holds {path}.") from exc
