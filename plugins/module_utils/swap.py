# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap the release that a host serves: the new one starts beside the old one, and gets the requests once it is proven.

The release that is active in the state file is the one to go back to until the last proof is given, and it runs until
then. So whenever this process is killed (F27), the next swap, whichever release it leads to, starts from there: what
runs already is proven anew, an upstream that may not have been loaded is switched again, and every instance but the
release's own is ended at the end.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils import health, instance, lifecycle, nginx
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import read_bytes
from ansible_collections.trundle.django.plugins.module_utils.health import Patience, Target
from ansible_collections.trundle.django.plugins.module_utils.instance import Status, Units
from ansible_collections.trundle.django.plugins.module_utils.lifecycle import Host, Plan
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree, now
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner

POLL = 0.2
# What a swap takes beside its proofs and the waiting for nginx workers.
ALLOWANCE = 60.0


@dataclass(frozen=True)
class Site:
    """Where an app is on this host; sockets: the folder with <release>.sock."""

    app: str
    tree: Tree
    upstream: Path
    sockets: Path
    server: Nginx

    @property
    def run(self) -> Runner:
        return self.server.run

    def units(self, release: str) -> Units:
        return instance.units_of(self.app, release)

    def socket(self, release: str) -> str:
        return str(self.sockets / f"{release}.sock")

    def rendered(self, release: str | None) -> bytes:
        """The upstream that leads to the release; for None, to a socket that is not there."""
        return nginx.render(self.app, [f"unix:{self.socket(release or 'none')}"])


@dataclass(frozen=True)
class Checks:
    """How a release proves itself: over its own socket, whose name own lacks, then in front of nginx, if anywhere.

    required: its answers have to tell the release id.
    """

    own: Target
    front: Target | None
    patience: Patience
    required: bool


@dataclass(frozen=True)
class Found:
    """What is on the host before a swap; others: instances of other releases."""

    host: Host
    status: Status
    others: tuple[Units, ...]
    upstream: bytes | None
    switched: bool

    def is_done(self, release: str) -> bool:
        started = self.status.active and self.status.enabled and not self.status.failed
        return self.host.state.active == release and started and self.switched and not self.others


@dataclass
class Swapped:
    """steps: seconds of each, in their order; drained: whether the old nginx workers ended in time."""

    steps: dict[str, float] = field(default_factory=dict)
    boot_seconds: float | None = None
    drained: bool | None = None
    ended: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begin = time.monotonic()
        try:
            yield
        finally:
            self.steps[name] = round(time.monotonic() - begin, 3)


def look(site: Site, release: str, *, allow_bad: bool, dry_run: bool = False) -> Found:
    """Raises where the release is not one to go to; nothing has changed then."""
    host = lifecycle.read(site.tree)
    _plan(site, host, release, allow_bad=allow_bad, dry_run=dry_run)
    new = site.units(release)
    return Found(
        host=host,
        status=instance.status_of(site.run, new),
        others=tuple(instance.others(site.run, site.app, new)),
        upstream=read_bytes(site.upstream),
        switched=nginx.is_current(site.upstream, site.rendered(release)),
    )


def swap(
    site: Site,
    checks: Checks,
    found: Found,
    release: str,
    *,
    drain_timeout: float,
    allow_bad: bool,
    keep_failed: bool,
) -> Swapped:
    """All of it, or what was before: raises with the cause, what was undone, and the journal of the release."""
    swapped = Swapped()
    try:
        _forward(site, checks, found, release, swapped, drain_timeout=drain_timeout, allow_bad=allow_bad)
    except (TrundleError, OSError) as exc:
        cause = exc if isinstance(exc, TrundleError) else TrundleError(f"Failed to swap the release: {exc}")
        with swapped.step("undo"):
            undone, problem = _undo(site, found, release, drain_timeout=drain_timeout, keep_failed=keep_failed)
        told = f"Undone on this host: {', '.join(undone)}." if undone else "Nothing had to be undone on this host."
        if problem is not None:
            told += f" Failed to undo the rest: {problem}"
        message = f"{cause.message.rstrip('.')}. {told}"
        raise TrundleError(message, **cause.details, undone=undone, steps=swapped.steps) from exc
    return swapped


@contextmanager
def alone(site: Site, *, wait: float) -> Iterator[None]:
    """One swap at a time on a host: that of a controller that is gone may still be on its way to an end.

    The kernel lets go of the lock when its holder dies.
    """
    path, deadline = site.tree.root / ".swap", time.monotonic() + wait
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as exc:
        raise TrundleError(f"Failed to open the lock {path}: {exc.strerror}") from exc
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TrundleError(f"Another swap runs on this host and does not end: it holds {path}.") from None
                time.sleep(POLL)
        yield
    finally:
        os.close(descriptor)


def longest(patience: Patience, *, drain_timeout: float) -> float:
    """Seconds after which a swap has ended, one way or the other."""
    return 2 * patience.wait + 3 * drain_timeout + ALLOWANCE


def _forward(
    site: Site,
    checks: Checks,
    found: Found,
    release: str,
    swapped: Swapped,
    *,
    drain_timeout: float,
    allow_bad: bool,
) -> None:
    new = site.units(release)
    watch = health.UnitWatch(site.run, new.service)
    with swapped.step("start"):
        if found.status.failed:
            instance.forgive(site.run, new)
        instance.start(site.run, new, found.status)
    with swapped.step("prove"):
        own = replace(checks.own, socket=site.socket(release))
        first_at = _prove(watch, own, checks, release, checks.patience)
    if not found.status.active:
        swapped.boot_seconds = watch.boot_seconds(first_at)
    with swapped.step("switch"):
        swapped.drained = _switch(site, release, drain_timeout=drain_timeout)
    if checks.front is not None:
        with swapped.step("prove_front"):
            _prove(watch, checks.front, checks, release, replace(checks.patience, consecutive=1, connections=0))
    with swapped.step("activate"):
        _activate(site, lambda host: _plan(site, host, release, allow_bad=allow_bad))
    with swapped.step("end"):
        # They have no requests any more: the next host need not wait until their workers have ended.
        for other in instance.others(site.run, site.app, new):
            instance.stop(site.run, other, instance.status_of(site.run, other), wait=False)
            swapped.ended.append(other.service)


def _prove(watch: health.UnitWatch, target: Target, checks: Checks, release: str, patience: Patience) -> float:
    """The moment of the first healthy answer."""
    outcome = health.wait_until_healthy(
        lambda timeout: health.probe(target, timeout),
        expected=release,
        required=checks.required,
        patience=patience,
        given_up=watch,
    )
    if outcome.cause is not None or outcome.first_at is None:
        details = {"last": outcome.last.as_dict(), "attempts": outcome.attempts, "journal": watch.journal()}
        raise TrundleError(f"{target} is not healthy: {outcome.cause}", **details)
    return outcome.first_at


def _switch(site: Site, release: str | None, *, drain_timeout: float) -> bool:
    data = site.rendered(release)
    if nginx.is_current(site.upstream, data):
        return nginx.drain_leaving(site.server, drain_timeout=drain_timeout).drained
    return nginx.switch(site.server, site.upstream, data, drain_timeout=drain_timeout).drained


def _plan(site: Site, host: Host, release: str, *, allow_bad: bool, dry_run: bool = False) -> Plan:
    # It takes the mark away, which stays where the release is only allowed.
    plan = lifecycle.plan_active(host, site.tree, release, retry_bad=allow_bad, dry_run=dry_run)
    return _kept(host, release) if allow_bad else plan


def _kept(host: Host, release: str) -> Plan:
    """Whatever its mark says."""
    link = None if host.linked == release else release
    return Plan(states.activate(host.state, release, now=now()), link=link)


def _activate(site: Site, plan: Callable[[Host], Plan]) -> bool:
    with site.tree.lock():
        host = lifecycle.read(site.tree)
        wanted = plan(host)
        lifecycle.apply(site.tree, host, wanted)
        return wanted.changes(host)


def _undo(
    site: Site, found: Found, release: str, *, drain_timeout: float, keep_failed: bool
) -> tuple[list[str], str | None]:
    """Have the host serve what it served before; what was done to that end, and what could not be done.

    It ends at the first problem: an instance that requests may still come to is not stopped.
    """
    old = found.host.state.active
    undone: list[str] = []
    if old == release:
        return undone, None
    try:
        if old is not None and _have_running(site, old):
            undone.append(f"{old} is started again")
        if _is_touched(site, old, release):
            _switch(site, old, drain_timeout=drain_timeout)
            undone.append(f"requests go to {old or 'no release'}")
        if old is not None and _activate(site, lambda host: _kept(host, old)):
            undone.append(f"{old} is active again")
        if not keep_failed and _end(site, release):
            undone.append(f"{release} is stopped")
    except (TrundleError, OSError) as exc:
        return undone, exc.message if isinstance(exc, TrundleError) else str(exc)
    return undone, None


def _have_running(site: Site, release: str) -> bool:
    units = site.units(release)
    status = instance.status_of(site.run, units)
    if status.active and status.enabled:
        return False
    instance.start(site.run, units, status)
    return True


def _is_touched(site: Site, old: str | None, release: str) -> bool:
    """Whether requests may go elsewhere than to the old release; of no old release, whether to the new one."""
    if nginx.is_current(site.upstream, site.rendered(old)):
        return False
    return old is not None or read_bytes(site.upstream) == site.rendered(release)


def _end(site: Site, release: str) -> bool:
    units = site.units(release)
    status = instance.status_of(site.run, units)
    if not (status.running or status.enabled or status.failed):
        return False
    instance.stop(site.run, units, status, wait=True)
    return True
