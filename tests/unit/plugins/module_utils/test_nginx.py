# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import nginx
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx, render, switch

PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")

CONFIG = """
daemon on;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
    server {{
        listen unix:{folder}/front.sock;
        location / {{ proxy_pass http://shop; }}
    }}
}}
"""


def run(arguments: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class Release(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An application process of one release; /slow waits until the test lets it go."""

    daemon_threads = True

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(str(folder / f"{name}.sock"), Page)
        self.name = name
        self.entered = threading.Event()
        self.go = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        release: Any = self.server
        if self.path == "/slow":
            release.entered.set()
            release.go.wait(20)
        body = release.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass

    def address_string(self) -> str:
        return "nginx"


@dataclass
class Site:
    folder: Path
    releases: dict[str, Release] = field(default_factory=dict)

    @property
    def upstream(self) -> Path:
        return self.folder / "conf.d" / "upstream.conf"

    @property
    def nginx(self) -> Nginx:
        assert PROGRAM is not None
        return Nginx(
            run=run, program=PROGRAM, config=str(self.folder / "nginx.conf"), pid_file=self.folder / "nginx.pid"
        )

    def servers(self, release: str) -> bytes:
        return render("shop", [f"unix:{self.folder}/{release}.sock"])

    def switch(self, release: str, drain_timeout: float = 10) -> nginx.Drain:
        return switch(self.nginx, self.upstream, self.servers(release), drain_timeout=drain_timeout)

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = nginx_socket(self.folder / "front.sock")
        connection.request("GET", path)
        body = connection.getresponse().read().decode()
        connection.close()
        return body


def nginx_socket(path: Path) -> Any:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(path))
    return client


@pytest.fixture(name="site")
def site_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real nginx of this test's own, in front of releases v1 and v2."""
    folder = tmp_path_factory.mktemp("n")
    (folder / "conf.d").mkdir()
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + CONFIG.format(folder=folder))
    site = Site(folder)
    site.upstream.write_bytes(site.servers("v1"))
    site.releases = {name: Release(folder, name) for name in ("v1", "v2")}
    subprocess.run([str(PROGRAM), "-c", str(folder / "nginx.conf")], check=True)
    try:
        # It goes to the background before it has written its pid file.
        wait_for(lambda: (folder / "nginx.pid").exists() and len(nginx.workers(site.nginx.master())) == 2)
        yield site
    finally:
        for release in site.releases.values():
            release.go.set()
            release.shutdown()
            release.server_close()
        stop(folder / "nginx.pid")


def stop(pid_file: Path) -> None:
    if pid_file.exists():
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])


def wait_for(done: Any) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_render() -> None:
    text = render("shop", ["unix:/run/shop/v2.sock", "127.0.0.1:8000 weight=2"]).decode()
    assert text.splitlines()[1:] == [
        "upstream shop {",
        "    server unix:/run/shop/v2.sock;",
        "    server 127.0.0.1:8000 weight=2;",
        "}",
    ]


@pytest.mark.parametrize(
    ("name", "servers"),
    [
        ("a b", ["127.0.0.1:1"]),
        ("shop", []),
        ("shop", [""]),
        ("shop", ["127.0.0.1:1; server evil"]),
        ("shop", ["127.0.0.1:1\n}"]),
        ("shop", ["127.0.0.1:1 # comment"]),
    ],
)
def test_what_would_break_the_configuration_is_refused(name: str, servers: list[str]) -> None:
    with pytest.raises(TrundleError):
        render(name, servers)


def test_an_nginx_that_does_not_run_is_told(tmp_path: Path) -> None:
    upstream = tmp_path / "upstream.conf"
    for text in (None, "", "x", "999999999", str(os.getpid())):
        if text is not None:
            (tmp_path / "pid").write_text(text)
        with pytest.raises(TrundleError, match="nginx is not running"):
            switch(Nginx(run=run, pid_file=tmp_path / "pid"), upstream, render("shop", ["x"]), drain_timeout=1)
    assert not upstream.exists()


@needs_nginx
def test_a_switch_reaches_the_new_release(site: Site) -> None:
    assert site.get("/") == "v1"
    drain = site.switch("v2")
    assert drain.drained
    assert drain.seconds < 3
    assert site.get("/") == "v2"
    assert nginx.is_current(site.upstream, site.servers("v2"))
    assert [path.name for path in site.upstream.parent.iterdir()] == ["upstream.conf"]


@needs_nginx
def test_f18_old_workers_have_finished_when_the_switch_returns(site: Site) -> None:
    """A slow request in flight ends well, and nobody uses the old release once the switch is over."""
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(site.get("/slow")))
    client.start()
    assert site.releases["v1"].entered.wait(10)
    old = nginx.workers(site.nginx.master())

    drains: list[nginx.Drain] = []
    switcher = threading.Thread(target=lambda: drains.append(site.switch("v2")))
    switcher.start()
    wait_for(lambda: site.get("/") == "v2")
    switcher.join(0.5)
    assert switcher.is_alive(), "it waits for the request that the old release still answers"
    assert answers == []

    site.releases["v1"].go.set()
    switcher.join(10)
    client.join(10)
    assert answers == ["v1"]
    assert drains[0].drained
    assert drains[0].remaining == []
    # Now the old release can go: none of the workers that know it is left.
    site.releases["v1"].shutdown()
    site.releases["v1"].server_close()
    assert {worker.pid for worker in old}.isdisjoint(worker.pid for worker in nginx.workers(site.nginx.master()))
    assert [site.get("/") for _turn in range(20)] == ["v2"] * 20


@needs_nginx
def test_f18_a_drain_that_takes_too_long_is_told(site: Site) -> None:
    client = threading.Thread(target=lambda: site.get("/slow"))
    client.start()
    assert site.releases["v1"].entered.wait(10)
    drain = site.switch("v2", drain_timeout=0.5)
    assert not drain.drained
    assert len(drain.remaining) == 1
    assert 0.5 <= drain.seconds < 3

    # A later run with nothing to change still waits for that worker.
    assert nginx.drain_leaving(site.nginx, drain_timeout=0.2).remaining == drain.remaining
    site.releases["v1"].go.set()
    client.join(10)
    assert nginx.drain_leaving(site.nginx, drain_timeout=10).drained


@needs_nginx
def test_a_configuration_that_nginx_refuses_is_undone(site: Site) -> None:
    before = nginx.workers(site.nginx.master())
    data = render("shop", ["unix:/nowhere.sock no_such_parameter"])
    with pytest.raises(TrundleError, match=r"nginx refuses the configuration: .*no_such_parameter"):
        switch(site.nginx, site.upstream, data, drain_timeout=1)
    assert site.upstream.read_bytes() == site.servers("v1")
    assert nginx.is_current(site.upstream, site.servers("v1"))
    assert nginx.workers(site.nginx.master()) == before
    assert site.get("/") == "v1"


@needs_nginx
def test_a_new_file_that_is_refused_is_removed(site: Site) -> None:
    other = site.upstream.with_name("other.conf")
    with pytest.raises(TrundleError, match="duplicate upstream"):
        switch(site.nginx, other, site.servers("v2"), drain_timeout=1)
    assert not other.exists()


@needs_nginx
def test_a_reload_that_nginx_does_not_carry_out_is_undone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "START_TIMEOUT", 0.3)
    master = site.nginx.master()
    # A master that is stopped gets the signal and does nothing.
    os.kill(master, signal.SIGSTOP)
    try:
        with pytest.raises(TrundleError, match=r"started no new workers within 0\.3 s"):
            site.switch("v2")
    finally:
        os.kill(master, signal.SIGCONT)
    assert site.upstream.read_bytes() == site.servers("v1")


@needs_nginx
def test_a_switch_that_was_cut_off_is_made_good(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written and the controller dies: the next run must not believe that nginx has read it."""

    def cut_off(_self: Nginx) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Nginx, "test", cut_off)
        with pytest.raises(KeyboardInterrupt):
            site.switch("v2")
    assert site.upstream.read_bytes() == site.servers("v2")
    assert site.get("/") == "v1"
    assert not nginx.is_current(site.upstream, site.servers("v2"))
    assert site.switch("v2").drained
    assert site.get("/") == "v2"
    assert nginx.is_current(site.upstream, site.servers("v2"))
