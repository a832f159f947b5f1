# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.modules import health_check

Call = Callable[..., dict[str, Any]]
QUICK = {"wait": 0.5, "interval": 0.05, "timeout": 0.3}


class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path.startswith("/health/") else 404)
        self.send_header("X-Release", "v2")
        self.send_header("X-Host", self.headers["Host"])
        self.end_headers()
        self.wfile.write(f"{self.headers['Host']} {self.headers.get('X-Forwarded-Proto')}".encode())

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(name="port")
def port_fixture() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(name="systemctl")
def systemctl_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A systemctl and a journalctl on PATH that tell what a test wants."""

    def install(active: str, started: int = 0) -> None:
        lines = f"LoadState=loaded\\nActiveState={active}\\nNRestarts=0\\nResult=exit-code\\n"
        script = f"#!/bin/sh\nprintf '{lines}ExecMainStartTimestampMonotonic={started}\\n'\n"
        for name, text in (("systemctl", script), ("journalctl", "#!/bin/sh\necho ModuleNotFoundError\n")):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return install


def test_healthy(call_module: Call, port: int) -> None:
    found = call_module(
        health_check,
        port=port,
        path="/health/ready/",
        release="v2",
        host_header="shop.example.com",
        headers={"X-Forwarded-Proto": "https"},
        **QUICK,
    )
    assert (found["healthy"], found["cause"], found["changed"], found["attempts"]) == (True, None, False, 3)
    assert found["last"] == {"status": 200, "release": "v2", "body": "shop.example.com https", "error": None}
    assert 0 <= found["first_answer"] <= found["seconds"]
    assert found["target"] == f"http://127.0.0.1:{port}/health/ready/"


def test_by_url(call_module: Call, port: int) -> None:
    found = call_module(health_check, url=f"http://127.0.0.1:{port}/health/", consecutive=1, **QUICK)
    assert found["attempts"] == 1


def test_f19_the_last_cause_is_told(call_module: Call, port: int) -> None:
    failed = call_module(health_check, port=port, path="/health/", release="v3", **QUICK)
    assert failed["failed"]
    assert failed["msg"] == (
        f"http://127.0.0.1:{port}/health/ is not healthy: timed out after 0.5 s: "
        "it serves release 'v2' where 'v3' is expected"
    )
    assert failed["attempts"] > 3
    assert failed["last"]["release"] == "v2"
    assert "journal" not in failed


def test_the_thresholds_and_the_connections(call_module: Call, port: int) -> None:
    options = {"port": port, "path": "/health/", **QUICK, "wait": 20}
    found = call_module(health_check, healthy_threshold=2, connections=5, release="v2", **options)
    assert found["attempts"] == 2 + 5
    failed = call_module(health_check, unhealthy_threshold=2, release="v3", **options)
    assert "2 unhealthy answers in a row: it serves release 'v2' where 'v3' is expected" in failed["msg"]
    assert failed["attempts"] == 2


def test_an_application_that_tells_no_release(call_module: Call, port: int) -> None:
    """Its own socket tells which release it is; an answer with another id is refused all the same."""
    options = {"port": port, "path": "/health/", "release": "v3", **QUICK}
    silent = {**options, "release_header": "X-None"}
    assert "does not tell its release" in call_module(health_check, **silent)["msg"]
    assert call_module(health_check, require_release=False, **silent)["healthy"]
    assert "it serves release 'v2'" in call_module(health_check, require_release=False, **options)["msg"]


def test_the_time_of_the_boot_is_told(call_module: Call, systemctl: Callable[..., None], port: int) -> None:
    begun = time.monotonic()
    systemctl("active", started=int((begun - 3) * 1e6))
    found = call_module(health_check, port=port, path="/health/", unit="shop@v2.service", **QUICK)
    assert 3 <= found["boot_seconds"] <= 3 + time.monotonic() - begun
    systemctl("active")
    found = call_module(health_check, port=port, path="/health/", unit="shop@v2.service", **QUICK)
    assert found["boot_seconds"] is None


def test_f16_an_active_unit_without_answers_is_not_healthy(
    call_module: Call, systemctl: Callable[..., None], tmp_path: Path
) -> None:
    systemctl("active")
    failed = call_module(health_check, socket=str(tmp_path / "v2.sock"), unit="shop@v2.service", **QUICK)
    assert "timed out after 0.5 s: No such file or directory" in failed["msg"]
    assert failed["journal"] == ["ModuleNotFoundError"]


def test_a_failed_unit_is_not_waited_for(call_module: Call, systemctl: Callable[..., None], tmp_path: Path) -> None:
    systemctl("failed")
    failed = call_module(health_check, socket=str(tmp_path / "v2.sock"), unit="shop@v2.service")
    assert "the unit shop@v2.service has failed (exit-code)" in failed["msg"]
    assert failed["seconds"] < 10


def test_check_mode_asks_once_and_does_not_fail(call_module: Call, tmp_path: Path) -> None:
    told = call_module(health_check, check=True, socket=str(tmp_path / "none.sock"))
    assert (told["healthy"], told["attempts"], told["changed"]) == (False, 1, False)
    assert told["cause"] == "No such file or directory"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required"),
        ({"port": 1, "socket": "/x"}, "mutually exclusive"),
        ({"url": "shop.example.com"}, "not an http or https URL"),
        ({"port": 1, "consecutive": 0}, "consecutive has to be more than 0"),
        ({"port": 1, "wait": -1}, "wait has to be more than 0"),
        ({"port": 1, "connections": -1}, "connections has to be 0 or more"),
    ],
)
def test_wrong_input(call_module: Call, options: dict[str, Any], message: str) -> None:
    assert message in call_module(health_check, **options)["msg"]
