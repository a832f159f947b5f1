# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.instance import (
    Status,
    Units,
    others,
    start,
    status_of,
    stop,
    units_of,
)

# The integration target starts and stops instances with a real systemd; here is what is asked of it.


class Systemctl:
    """Answers as systemd does, and keeps what it was asked to change."""

    def __init__(
        self, *, load: str = "loaded", socket: str = "inactive", service: str = "inactive", enabled: bool = False
    ):
        self.load, self.socket, self.service, self.enabled = load, socket, service, enabled
        self.done: list[str] = []

    def __call__(self, arguments: list[str]) -> tuple[int, str, str]:
        words = " ".join(arguments[1:])
        if words.startswith("show"):
            blocks = (f"LoadState={self.load}\nActiveState={state}\n" for state in (self.socket, self.service))
            return 0, "\n".join(blocks), ""
        if words.startswith("is-enabled"):
            return 0 if self.enabled else 1, "", ""
        self.done.append(words)
        return 0, "", ""


UNITS = units_of("shop", "v1.2-rc1")
SOCKET, SERVICE = r"shop@v1.2\x2drc1.socket", r"shop@v1.2\x2drc1.service"


def test_units_have_escaped_names() -> None:
    assert (UNITS.socket, UNITS.service) == (SOCKET, SERVICE)


def test_start_enables_without_a_reload() -> None:
    systemctl = Systemctl()
    start(systemctl, UNITS, status_of(systemctl, UNITS))
    assert systemctl.done == [f"enable --quiet --no-reload -- {SOCKET}", f"start -- {SOCKET}"]


def test_start_does_what_is_missing_only() -> None:
    systemctl = Systemctl(socket="active", service="active")
    start(systemctl, UNITS, status_of(systemctl, UNITS))
    assert systemctl.done == [f"enable --quiet --no-reload -- {SOCKET}"]
    systemctl = Systemctl(enabled=True, socket="failed")
    start(systemctl, UNITS, status_of(systemctl, UNITS))
    assert systemctl.done == [f"start -- {SOCKET}"]


def test_an_unknown_template_is_told() -> None:
    systemctl = Systemctl(load="not-found")
    with pytest.raises(TrundleError, match=r"systemd knows no unit shop@v1.2"):
        start(systemctl, UNITS, status_of(systemctl, UNITS))
    assert systemctl.done == []


def test_stop_without_waiting() -> None:
    systemctl = Systemctl(socket="active", service="active", enabled=True)
    stop(systemctl, UNITS, status_of(systemctl, UNITS), wait=False)
    assert systemctl.done == [
        f"disable --quiet --no-reload -- {SOCKET}",
        f"stop --no-block -- {SOCKET} {SERVICE}",
    ]


def test_a_failed_instance_is_forgotten() -> None:
    systemctl = Systemctl(socket="failed", service="failed")
    found = status_of(systemctl, UNITS)
    assert found == Status(known=True, active=False, running=False, failed=True, enabled=False)
    stop(systemctl, UNITS, found, wait=True)
    assert systemctl.done == [f"reset-failed -- {SOCKET} {SERVICE}"]


def test_an_instance_that_fails_while_it_stops_is_forgotten_too() -> None:
    systemctl = Systemctl(socket="active", service="activating")
    found = status_of(systemctl, UNITS)
    systemctl.service = "failed"
    stop(systemctl, UNITS, found, wait=True)
    assert systemctl.done == [f"stop -- {SOCKET} {SERVICE}", f"reset-failed -- {SOCKET} {SERVICE}"]


def test_what_systemd_refuses_is_told() -> None:
    def run(arguments: list[str]) -> tuple[int, str, str]:
        return 1, "", "Failed to connect to bus: Host is down\n"

    with pytest.raises(TrundleError, match=r"'systemctl show .*' failed: Failed to connect to bus"):
        status_of(run, UNITS)


LISTED = r"""shop@v1.service loaded active running shop v1
shop@v1.socket loaded active running shop v1 socket
shop@v1.2\x2drc1.socket loaded active running shop v1.2-rc1 socket
shop@v3.service loaded failed failed shop v3
shop@v4.service loaded deactivating stop-sigterm shop v4
shop@v5.service loaded inactive dead shop v5
"""


def test_f27_instances_that_a_cut_off_run_left_are_found(tmp_path: Path) -> None:
    """One runs, one has failed and one would come back at boot; what is ending or has ended is no matter."""
    (tmp_path / "shop@v6.socket").touch()
    (tmp_path / "other@v1.socket").touch()
    (tmp_path / SOCKET).touch()
    found = others(lambda _words: (0, LISTED, ""), "shop", UNITS, tmp_path)
    assert found == [Units(f"shop@{release}.socket", f"shop@{release}.service") for release in ("v1", "v3", "v6")]
