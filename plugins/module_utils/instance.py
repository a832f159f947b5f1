# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd socket and service of a release: templates of the app, and the release as their instance."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner, systemd_escape

# systemd's links for sockets that come back at boot.
_AT_BOOT = Path("/etc/systemd/system/sockets.target.wants")


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


def others(run: Runner, app: str, units: Units, at_boot: Path = _AT_BOOT) -> list[Units]:
    """The other instances that run, have failed or come back at boot; not those that are ending already."""
    out = _systemctl(run, "list-units", "--all", "--plain", "--no-legend", "--full", "--", f"{app}@*")
    listed = [line.split(None, 3) for line in out.splitlines()]
    names = {words[0] for words in listed if len(words) > 2 and words[2] not in ("inactive", "deactivating")}
    names.update(link.name for link in at_boot.glob(f"{app}@*.socket"))
    found = [re.fullmatch(r"(.+@.+)\.(?:socket|service)", name) for name in names]
    stems = sorted({match[1] for match in found if match})
    return [other for other in (Units(f"{stem}.socket", f"{stem}.service") for stem in stems) if other != units]


def running_since(run: Runner, units: Units) -> datetime | None:
    """When the service became active; by the clock that does not jump, since systems differ in how they print times."""
    out = _systemctl(run, "show", "-p", "ActiveState,ActiveEnterTimestampMonotonic", "--", units.service)
    found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    if found.get("ActiveState") not in ("active", "reloading"):
        return None
    ago = time.monotonic() - int(found["ActiveEnterTimestampMonotonic"]) / 1e6
    return datetime.fromtimestamp(round(time.time() - ago), timezone.utc)


def start(run: Runner, units: Units, found: Status) -> None:
    """Enabled without a reload of systemd, which would cost more than all the rest: links matter at boot only."""
    _start(run, units, found)


def listen(run: Runner, units: Units, found: Status) -> None:
    """Have the socket listen, now and at boot, without the service that it wants."""
    _start(run, units, found, "--job-mode=ignore-dependencies")


def serve(run: Runner, units: Units) -> None:
    """Start the service of a socket that listens, and do not wait: whether it is healthy is asked over the socket."""
    _systemctl(run, "start", "--no-block", "--", units.service)


def stop(run: Runner, units: Units, found: Status, *, wait: bool) -> None:
    if found.enabled:
        _systemctl(run, "disable", "--quiet", "--no-reload", "--", units.socket)
    if found.running:
        _systemctl(run, "stop", *([] if wait else ["--no-block"]), "--", units.socket, units.service)
    if found.failed or (wait and found.running and status_of(run, units).failed):
        # A host with failed units would be reported by its monitoring.
        forgive(run, units)


def forgive(run: Runner, units: Units) -> None:
    """Forget that the instance has failed, and how often: systemd would soon refuse to start it once more."""
    _systemctl(run, "reset-failed", "--", units.socket, units.service)


def _start(run: Runner, units: Units, found: Status, *options: str) -> None:
    if not found.known:
        raise TrundleError(f"systemd knows no unit {units.socket}: its template has to be on the host, and read.")
    if not found.enabled:
        _systemctl(run, "enable", "--quiet", "--no-reload", "--", units.socket)
    if not found.active:
        _systemctl(run, "start", *options, "--", units.socket)


def _systemctl(run: Runner, *words: str) -> str:
    status, out, err = run(["systemctl", *words])
    if status:
        raise TrundleError(f"'systemctl {' '.join(words)}' failed: {err.strip() or out.strip() or status}")
    return out
