# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With a real HAProxy, and a site that answers when the test wants it to."""

from __future__ import annotations

import http.client
import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import haproxy
from ansible_collections.trundle.django.plugins.modules import haproxy_server

Call = Callable[..., dict[str, Any]]

PROGRAM = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="haproxy is not installed")

CONFIG = """
global
    stats socket {folder}/admin.sock mode 600 level admin
    stats socket 127.0.0.1:{admin} level admin
    stats socket {folder}/user.sock mode 600 level user
defaults
    mode http
    timeout connect 1s
    timeout client 20s
    timeout server 20s
frontend web
    bind 127.0.0.1:{front}
    default_backend shop
backend shop
    option httpchk GET /health
    default-server check inter 100ms fall 2 rise 2
    server web1 127.0.0.1:{site}
    server web2 127.0.0.1:{nobody}
"""


class Site(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.healthy = True
        self.go_on = threading.Event()
        super().__init__(("127.0.0.1", 0), Page)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Any = self.server
        if self.path == "/slow":
            site.go_on.wait(20)
        self.send_response(200 if site.healthy else 503)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        pass


@dataclass
class Balancer:
    folder: Path
    site: Site
    ports: dict[str, int]
    answers: list[int] = field(default_factory=list)

    @property
    def options(self) -> dict[str, Any]:
        return {"socket": str(self.folder / "admin.sock"), "backend": "shop", "server": "web1", "wait": 5}

    def ask(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["front"], timeout=20)
        connection.request("GET", path)
        self.answers.append(connection.getresponse().status)
        connection.close()
        return self.answers[-1]

    def read(self) -> haproxy.Server:
        return haproxy.read(haproxy.asker(self.options["socket"]), "shop", "web1")

    def until(self, done: Callable[[haproxy.Server], bool]) -> None:
        end = time.monotonic() + 10
        while not done(self.read()):
            assert time.monotonic() < end, self.read()
            time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(name="balancer")
def balancer_fixture(tmp_path: Path) -> Iterator[Balancer]:
    assert PROGRAM is not None
    with Site() as site:
        threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        ports = {name: free_port() for name in ("front", "admin", "nobody")}
        text = CONFIG.format(folder=tmp_path, site=site.server_address[1], **ports)
        (tmp_path / "haproxy.cfg").write_text(text)
        with subprocess.Popen([PROGRAM, "-db", "-f", str(tmp_path / "haproxy.cfg")]) as process:
            try:
                balancer = Balancer(tmp_path, site, ports)
                end = time.monotonic() + 10
                while not (tmp_path / "admin.sock").exists():
                    assert time.monotonic() < end
                    time.sleep(0.02)
                balancer.until(lambda server: server.serves)
                yield balancer
            finally:
                site.go_on.set()
                process.terminate()
        site.shutdown()


def test_drained_and_put_back(call_module: Call, balancer: Balancer) -> None:
    assert balancer.ask("/") == 200
    told = call_module(haproxy_server, check=True, state="drained", **balancer.options)
    assert (told["changed"], balancer.read().drained) == (True, False)
    done = call_module(haproxy_server, state="drained", **balancer.options)
    assert (done["changed"], done["status"], done["sessions"]) == (True, "DRAIN", 0)
    assert done["diff"] == told["diff"] == {"before": {"drained": False}, "after": {"drained": True}}
    assert balancer.ask("/") == 503, "the only host is drained"
    assert not call_module(haproxy_server, state="drained", **balancer.options)["changed"]
    assert call_module(haproxy_server, state="serving", **balancer.options)["status"] == "UP"
    assert balancer.ask("/") == 200
    assert not call_module(haproxy_server, state="serving", **balancer.options)["changed"]


def test_f35_requests_in_flight_have_ended_when_the_module_does(call_module: Call, balancer: Balancer) -> None:
    visitor = threading.Thread(target=balancer.ask, args=["/slow"])
    visitor.start()
    balancer.until(lambda server: server.sessions == 1)
    threading.Timer(0.7, lambda: (balancer.answers.append(balancer.read().drained), balancer.site.go_on.set())).start()
    done = call_module(haproxy_server, state="drained", **balancer.options)
    visitor.join()
    assert done["sessions"] == 0
    assert done["waited"] > 0.5
    assert balancer.answers == [True, 200]


def test_it_goes_on_when_the_time_is_over_and_tells_what_is_left(call_module: Call, balancer: Balancer) -> None:
    visitor = threading.Thread(target=balancer.ask, args=["/slow"])
    visitor.start()
    balancer.until(lambda server: server.sessions == 1)
    done = call_module(haproxy_server, state="drained", **{**balancer.options, "wait": 0.3})
    assert (done["changed"], done["sessions"]) == (True, 1)
    balancer.site.go_on.set()
    visitor.join()


def test_a_host_that_is_unhealthy_when_it_is_put_back_is_told(call_module: Call, balancer: Balancer) -> None:
    call_module(haproxy_server, state="drained", **balancer.options)
    balancer.site.healthy = False
    # "DRAIN" is shown whatever the checks say.
    time.sleep(2)
    short = {**balancer.options, "wait": 0.5}
    assert "sends no requests to shop/web1 0.5 s after" in call_module(haproxy_server, state="serving", **short)["msg"]
    assert not balancer.read().drained, "it is put back all the same"
    call_module(haproxy_server, state="serving", **{**short, "wait": 0})
    threading.Timer(0.5, setattr, (balancer.site, "healthy", True)).start()
    assert call_module(haproxy_server, state="serving", **balancer.options)["status"] == "UP"


@pytest.mark.parametrize("state", ["drained", "serving"])
def test_a_server_in_maintenance_is_left_there(call_module: Call, balancer: Balancer, state: str) -> None:
    haproxy.put(haproxy.asker(balancer.options["socket"]), "shop", "web1", "maint")
    done = call_module(haproxy_server, state=state, **balancer.options)
    assert (done["changed"], done["maintenance"], done["status"]) == (False, True, "MAINT")


def test_over_tcp(call_module: Call, balancer: Balancer) -> None:
    tcp = {**balancer.options, "socket": f"127.0.0.1:{balancer.ports['admin']}"}
    assert call_module(haproxy_server, state="drained", **tcp)["changed"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"server": "web9"}, "has no server 'web9' in its backend 'shop', but web1, web2"),
        ({"backend": "mill"}, "HAProxy"),
        ({"server": "web1; shutdown"}, "is no name"),
        ({"socket": "/nonexistent.sock"}, "Failed to ask HAProxy at /nonexistent.sock: No such file"),
        ({"socket": "nowhere"}, "neither the path of a socket nor host:port"),
    ],
)
def test_wrong_input(call_module: Call, balancer: Balancer, wrong: dict[str, str], message: str) -> None:
    assert message in call_module(haproxy_server, state="drained", **{**balancer.options, **wrong})["msg"]


def test_a_socket_without_the_right_level(call_module: Call, balancer: Balancer) -> None:
    user = {**balancer.options, "socket": str(balancer.folder / "user.sock")}
    assert "Permission denied" in call_module(haproxy_server, state="drained", **user)["msg"]
