# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the jobs of a host to what they should be: which of them run, and from which release."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write
from ansible_collections.trundle.django.plugins.module_utils.jobs_units import MARK, Unit
from ansible_collections.trundle.django.plugins.module_utils.systemd import Runner, journal, unit_state

POLL = 0.2
_PROPERTIES = "Id,ActiveState,Type,NeedDaemonReload"


@dataclass(frozen=True)
class Status:
    """What systemd has of a unit in memory, and whether it comes back at boot."""

    active: str = "inactive"
    kind: str = ""
    stale: bool = False
    enabled: bool = False

    @property
    def runs(self) -> bool:
        return self.active in ("active", "activating", "reloading")

    @property
    def counts(self) -> bool:
        """One that ends its last task counts as stopped."""
        return self.runs or self.enabled or self.active == "failed"


@dataclass(frozen=True)
class Host:
    """The app's unit files (name -> text), and what systemd says of them and of the templates' instances."""

    files: dict[str, str]
    status: dict[str, Status]


@dataclass(frozen=True)
class Plan:
    """gone: files to remove, after `ended` has stopped; paused: stopped before their text changes.

    retired: instances of other releases, which end once those in `started` are up.
    """

    gone: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    written: tuple[Unit, ...] = ()
    reload: bool = False
    started: tuple[Unit, ...] = ()
    retired: tuple[str, ...] = ()
    after: dict[str, bool] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return bool(self.gone or self.ended or self.written or self.reload or self.started or self.retired)


def look(run: Runner, app: str, wanted: Iterable[Unit], folder: Path) -> Host:
    files = _own_files(app, folder)
    names = {*files, *(unit.name for unit in wanted)}
    units = {name for name in names if "@." not in name} | {unit.runs for unit in wanted if unit.runs}
    links = {path.name for path in folder.glob("*.wants/*")}
    for template in (name for name in names if "@." in name):
        units |= _instances(run, template, links)
    return Host(files, _status(run, sorted(units), links))


def _own_files(app: str, folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob(f"{app}-*")):
        if path.suffix in (".service", ".timer") and path.is_file() and not path.is_symlink():
            text = path.read_text(encoding="utf-8", errors="replace")
            if f"\n{MARK}={app}\n" in text:
                found[path.name] = text
    return found


def _instances(run: Runner, template: str, links: Collection[str]) -> set[str]:
    """Those in memory, and those that come back at boot."""
    pattern = template.replace("@.", "@*.")
    out = _systemctl(run, "list-units", "--all", "--plain", "--no-legend", "--full", "--", pattern)
    listed = {line.split(None, 1)[0] for line in out.splitlines() if line.strip()}
    return listed | {name for name in links if _file_of(name) == template}


def _status(run: Runner, units: Sequence[str], links: Collection[str]) -> dict[str, Status]:
    if not units:
        return {}
    out = _systemctl(run, "show", "-p", _PROPERTIES, "--", *units)
    status = {}
    for block in out.strip().split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        status[said["Id"]] = Status(
            active=said["ActiveState"],
            kind=said.get("Type", ""),
            stale=said["NeedDaemonReload"] == "yes",
            enabled=said["Id"] in links,
        )
    return status


def plan(host: Host, wanted: Sequence[Unit]) -> Plan:
    names = {unit.name for unit in wanted}
    right = {unit.runs: unit for unit in wanted if unit.runs is not None}
    gone = tuple(name for name in host.files if name not in names)
    written = tuple(unit for unit in wanted if host.files.get(unit.name) != unit.text)
    changed = {unit.runs for unit in written if unit.runs is not None}
    counting = [name for name, status in host.status.items() if status.counts and name not in right]
    ended = tuple(name for name in counting if _file_of(name) in gone)
    retired = tuple(name for name in counting if "@" in name and _file_of(name) in names)
    return Plan(
        gone=gone,
        ended=ended,
        # What ran on while its text changes would not be noticed by the run after one that was cut off here.
        paused=tuple(name for name in sorted(changed) if _status_of(host, name).runs),
        written=written,
        reload=bool(gone or written) or any(status.stale for status in host.status.values()),
        started=tuple(unit for name, unit in right.items() if name in changed or not _is_up(host, name)),
        retired=retired,
        after={**dict.fromkeys((*ended, *retired), False), **dict.fromkeys(right, True)},
    )


def trimmed(planned: Plan) -> Plan:
    """Of a plan, what takes away the jobs that belong to another host or to none."""
    return Plan(
        gone=planned.gone,
        ended=planned.ended,
        reload=bool(planned.gone),
        after=dict.fromkeys(planned.ended, False),
    )


def apply(run: Runner, host: Host, planned: Plan, *, wait: float, stop_timeout: int, folder: Path) -> None:
    _end(run, host, planned.ended, stop_timeout)
    for name in planned.paused:
        _systemctl(run, "stop", "--", name)
    _write(planned, folder)
    if planned.reload:
        _systemctl(run, "daemon-reload")
    # Workers before beat and timers, which give them tasks.
    for unit in sorted(planned.started, key=lambda unit: not unit.is_template):
        _start(run, unit, found=_status_of(host, str(unit.runs)), paused=unit.runs in planned.paused, wait=wait)
    if planned.retired:
        _systemctl(run, "disable", "--quiet", "--no-reload", "--", *planned.retired)
        # Not waited for: the task in flight may take long, and no more come to it.
        _systemctl(run, "stop", "--no-block", "--", *planned.retired)
        _forget(run, host, planned.retired)


def _end(run: Runner, host: Host, names: Sequence[str], stop_timeout: int) -> None:
    """Timers first, so that none of their jobs begins; a job in flight may end."""
    if not names:
        return
    installed = [name for name in names if _status_of(host, name).enabled]
    if installed:
        _systemctl(run, "disable", "--quiet", "--no-reload", "--", *installed)
    for name in sorted(names, key=lambda name: not name.endswith(".timer")):
        if _status_of(host, name).kind == "oneshot":
            _wait_for_end(run, name, stop_timeout)
        _systemctl(run, "stop", "--", name)
    _forget(run, host, names)


def _wait_for_end(run: Runner, name: str, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while unit_state(run, name).active == "activating" and time.monotonic() < deadline:
        time.sleep(POLL)


def _forget(run: Runner, host: Host, names: Sequence[str]) -> None:
    """A host with failed units would be reported by its monitoring."""
    failed = [name for name in names if _status_of(host, name).active == "failed"]
    if failed:
        _systemctl(run, "reset-failed", "--", *failed)


def _write(planned: Plan, folder: Path) -> None:
    try:
        for unit in planned.written:
            atomic_write(folder / unit.name, unit.text.encode("utf-8"))
        for name in planned.gone:
            (folder / name).unlink()
    except OSError as exc:
        raise TrundleError(f"Failed to change the units in {folder}: {exc}") from exc


def _start(run: Runner, unit: Unit, *, found: Status, paused: bool, wait: float) -> None:
    name = str(unit.runs)
    if not found.enabled:
        _systemctl(run, "enable", "--quiet", "--no-reload", "--", name)
    if found.active == "failed":
        _systemctl(run, "reset-failed", "--", name)
    if found.active == "deactivating":
        # It still ends its last task: the start comes after that, which may take long.
        _systemctl(run, "start", "--no-block", "--", name)
    elif paused or not found.runs:
        _systemctl(run, "start", "--", name)
        _wait_until_up(run, name, unit.pid_file, wait)


def _wait_until_up(run: Runner, name: str, pid_file: str | None, wait: float) -> None:
    """Its program writes the file when the site's code is loaded: one that fails at import never does."""
    deadline = time.monotonic() + wait
    while True:
        state = unit_state(run, name)
        if state.active == "active" and (pid_file is None or Path(pid_file).exists()):
            return
        if state.active == "failed" or state.sub == "auto-restart" or state.restarts:
            cause = f"it ended at once ({state.result})"
            break
        if time.monotonic() >= deadline:
            cause = f"it was not up after {wait:g} s"
            break
        time.sleep(POLL)
    said = journal(run, name)
    raise TrundleError(f"{name} does not run: {cause}. Its journal says why.", journal=said)


def _is_up(host: Host, name: str) -> bool:
    status = _status_of(host, name)
    return status.runs and status.enabled


def _status_of(host: Host, name: str) -> Status:
    return host.status.get(name, Status())


def _file_of(unit: str) -> str:
    """shop-worker-mail@v2.service comes from shop-worker-mail@.service."""
    head, at, tail = unit.partition("@")
    return f"{head}@.{tail.rpartition('.')[2]}" if at else unit


def _systemctl(run: Runner, *words: str) -> str:
    status, out, err = run(["systemctl", *words])
    if status:
        raise TrundleError(f"'systemctl {' '.join(words)}' failed: {err.strip() or out.strip() or status}")
    return out


def as_diff(host: Host, planned: Plan) -> list[dict[str, Any]]:
    """What Ansible shows for --diff."""
    texts = [
        {
            "before_header": name,
            "after_header": name,
            "before": host.files.get(name, ""),
            "after": next((unit.text for unit in planned.written if unit.name == name), ""),
        }
        for name in [*planned.gone, *(unit.name for unit in planned.written)]
    ]
    states = [
        f"{name}: {_status_of(host, name).active} -> {'active' if runs else 'inactive'}\n"
        for name, runs in sorted(planned.after.items())
        if runs != _status_of(host, name).runs
    ]
    return texts + ([{"prepared": "".join(states)}] if states else [])
