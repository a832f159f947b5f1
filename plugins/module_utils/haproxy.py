# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server of HAProxy, by the runtime API: https://docs.haproxy.org/2.6/management.html#9.3."""

from __future__ import annotations

import csv
import re
import socket
import time
from dataclasses import dataclass
from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

POLL = 0.1
TIMEOUT = 10.0

# Bits of srv_admin_state: maintenance by anyone, and drain by a command.
_MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20
_DRAIN = 0x08
_NAME = re.compile(r"[A-Za-z0-9_.:-]+")

# One command in, its answer out.
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Server:
    """status: as HAProxy shows it, such as UP, UP 1/3, DRAIN, DOWN, MAINT; sessions: requests in flight and queued."""

    drained: bool
    maintenance: bool
    status: str
    sessions: int

    @property
    def serves(self) -> bool:
        return self.status.startswith("UP") or self.status == "no check"


def asker(address: str) -> Ask:
    """address: the path of a unix socket, or host:port."""

    def ask(command: str) -> str:
        try:
            with _connect(address) as connection:
                connection.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode("utf-8", "replace")
        except OSError as exc:
            cause = exc.strerror or str(exc)
            raise TrundleError(f"Failed to ask HAProxy at {address}: {cause}.") from exc

    return ask


def read(ask: Ask, backend: str, name: str) -> Server:
    for part in (backend, name):
        if not _NAME.fullmatch(part):
            raise TrundleError(f"{part!r} is no name of a backend or server in HAProxy.")
    admin = int(
        _row(_table(ask(f"show servers state {backend}"), " "), backend, name, "be_name", "srv_name")["srv_admin_state"]
    )
    shown = _row(_table(ask("show stat"), ","), backend, name, "pxname", "svname")
    return Server(
        drained=bool(admin & _DRAIN),
        maintenance=bool(admin & _MAINTENANCE),
        status=shown["status"],
        sessions=int(shown["scur"] or 0) + int(shown["qcur"] or 0),
    )


def put(ask: Ask, backend: str, name: str, state: str) -> None:
    """state: drain or ready."""
    said = ask(f"set server {backend}/{name} state {state}").strip()
    if said:
        raise TrundleError(f"HAProxy does not set {backend}/{name} to {state}: {said}")


def wait_until(
    ask: Ask, backend: str, name: str, done: Callable[[Server], bool], *, timeout: float
) -> tuple[Server, float]:
    """The server when it is done, or when the time is over, and the seconds that this took."""
    begin = time.monotonic()
    while True:
        found = read(ask, backend, name)
        spent = time.monotonic() - begin
        if done(found) or spent >= timeout:
            return found, spent
        time.sleep(POLL)


def _connect(address: str) -> socket.socket:
    if address.startswith("/"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(TIMEOUT)
            connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection
    host, colon, port = address.rpartition(":")
    if not (colon and port.isdigit()):
        raise TrundleError(f"{address!r} is neither the path of a socket nor host:port.")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT)


def _table(text: str, delimiter: str) -> list[dict[str, str]]:
    """A table whose head begins with '# '; what comes before it is a version or a comment."""
    head, found, rest = text.partition("# ")
    if not found:
        raise TrundleError(f"HAProxy does not answer as expected: {head.strip() or 'nothing'}")
    return list(csv.DictReader([line for line in rest.splitlines() if line.strip()], delimiter=delimiter))


def _row(rows: list[dict[str, str]], backend: str, name: str, backend_field: str, name_field: str) -> dict[str, str]:
    for row in rows:
        if row[backend_field] == backend and row[name_field] == name:
            return row
    known = ", ".join(sorted({row[name_field] for row in rows if row[backend_field] == backend}))
    raise TrundleError(f"HAProxy has no server '{name}' in its backend '{backend}', but {known or 'none at all'}.")
