# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd socket and service of a release: templates of the app, and the release as their instance."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner, systemd_escape


@dataclass(frozen=True)
class Units:
    """The names of both units; who connects to the socket starts the service."""

    socket: str
    service: str


@dataclass(frozen=True)
class Status:
    """active and failed are of the socket or the service; enabled: whether the socket comes back at boot."""

    known: bool
    active: bool
    running: bool
    failed: bool
    enabled: bool


def units_of(app: str, release: str) -> Units:
    name = f"{app}@{systemd_escape(release)}"
    return Units(f"{name}.socket", f"{name}.service")


def status_of(run: Runner, units: Units) -> Status:
    out = _systemctl(run, "show", "-p", "LoadState,ActiveState", "--", units.socket, units.service)
    socket, service = (
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in out.strip().split("\n\n")
    )
    # `show` tells what systemd has in memory; this looks at the links on disk.
    status, _out, _err = run(["systemctl", "is-enabled", "--quiet", "--", units.socket])
    states = socket.get("ActiveState"), service.get("ActiveState")
    return Status(
        known=socket.get("LoadState") == "loaded",
        active=socket.get("ActiveState") == "active",
        running=any(state not in ("inactive", "failed") for state in states),
        failed="failed" in states,
        enabled=status == 0,
    )


def start(run: Runner, units: Units, found: Status) -> None:
    """Enabled without a reload of systemd, which would cost more than all the rest: links matter at boot only."""
    if not found.known:
        raise TrundleError(f"systemd knows no unit {units.socket}: its template has to be on the host, and read.")
    if not found.enabled:
        _systemctl(run, "enable", "--quiet", "--no-reload", "--", units.socket)
    if not found.active:
        _systemctl(run, "start", "--", units.socket)


def stop(run: Runner, units: Units, found: Status, *, wait: bool) -> None:
    if found.enabled:
        _systemctl(run, "disable", "--quiet", "--no-reload", "--", units.socket)
    if found.running:
        _systemctl(run, "stop", *([] if wait else ["--no-block"]), "--", units.socket, units.service)
    if found.failed or (wait and found.running and status_of(run, units).failed):
        # A host with failed units would be reported by its monitoring.
        _systemctl(run, "reset-failed", "--", units.socket, units.service)


def _systemctl(run: Runner, *words: str) -> str:
    status, out, err = run(["systemctl", *words])
    if status:
        raise TrundleError(f"'systemctl {' '.join(words)}' failed: {err.strip() or out.strip() or status}")
    return out
