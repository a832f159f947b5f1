# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts of a site and its store say of themselves, put together: for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Line = Mapping[str, Any]

_HOSTS = ("host", "active", "since", "serves", "healthy", "drained", "previous", "staged", "bad")
_STORE = ("release", "published", "revision", "files", "bytes", "missing")


def fleet_of(lines: Mapping[str, Line], *, hosts: Sequence[str], store: Mapping[str, Any] | None) -> dict[str, Any]:
    """hosts: all that were to be asked; lines: what those that could be asked have said."""
    unreachable = [host for host in hosts if host not in lines]
    releases: dict[str, list[str]] = {}
    for host, line in lines.items():
        releases.setdefault(line["active"] or "", []).append(host)
    problems = [f"{host} could not be asked" for host in unreachable]
    if len(releases) > 1:
        runs = [f"{', '.join(named)}: {release or 'none'}" for release, named in releases.items()]
        problems.append(f"the fleet is mixed ({'; '.join(runs)})")
    for host, line in lines.items():
        problems += [f"{host} {said}" for said in _problems(line)]
    return {
        "hosts": {host: dict(line) for host, line in lines.items()},
        "unreachable": unreachable,
        "releases": {release: named for release, named in releases.items() if release},
        "mixed": len(releases) > 1,
        "problems": problems,
        "store": None if store is None else dict(store),
    }


def _problems(line: Line) -> list[str]:
    found = []
    if not line["active"]:
        found.append("has no active release")
    elif line["serves"] and line["serves"] != line["active"]:
        found.append(f"serves {line['serves']} where {line['active']} is active")
    if line["begun"]:
        found.append(f"has a roll to {line['begun']} that has begun and not ended")
    # One that is drained tells its balancer so, which is no answer of a healthy one.
    if not line["healthy"] and not line["drained"]:
        found.append(f"is not healthy: {line['cause'] or 'it gave no cause'}")
    return found


def table_of(fleet: Mapping[str, Any]) -> list[str]:
    """The lines of a table of hosts, of one of the store, and what is wrong."""
    rows = [{"host": host, **line} for host, line in fleet["hosts"].items()]
    lines = _table(_HOSTS, rows)
    store = fleet["store"]
    if store is not None:
        lines += ["", *_store_table(store)]
    lines += ["", *(fleet["problems"] or ["All hosts run and serve the same release."])]
    return lines


def _store_table(store: Mapping[str, Any]) -> list[str]:
    if store.get("error"):
        return [f"The store could not be asked: {store['error']}"]
    nothing = store["unreferenced"]
    said = f"{nothing['files']} files of the store with {nothing['bytes']} bytes belong to no release."
    return [*_table(_STORE, store["releases"]), said]


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
