# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.health import (
    Answer,
    Patience,
    Target,
    UnitWatch,
    probe,
    target_of_url,
    verdict,
    wait_until_healthy,
)

QUICK = Patience(wait=3.0, interval=0.05, timeout=0.3, consecutive=3)


class App(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A real HTTP server whose answers a test chooses."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: Any, *, unix: bool = False) -> None:
        self.address_family = socket.AF_UNIX if unix else socket.AF_INET
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"ok"
        self.delay: Callable[[], None] = lambda: None
        self.drip = 0.0
        self.seen: list[dict[str, str]] = []
        self.clients: set[Any] = set()
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        app: Any = self.server
        app.seen.append({"path": self.path, **self.headers})
        app.clients.add(self.client_address)
        app.delay()
        self.send_response(app.status)
        for name, value in {"Content-Length": str(len(app.body)), **app.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not app.drip:
            self.wfile.write(app.body)
        for byte in app.body if app.drip else b"":
            time.sleep(app.drip)
            self.wfile.write(bytes([byte]))

    def log_message(self, *_args: Any) -> None:
        pass

    def handle(self) -> None:
        # The client goes away after its timeout.
        with suppress(BrokenPipeError, ConnectionResetError):
            super().handle()


@contextmanager
def serving(address: Any, *, unix: bool = False) -> Iterator[App]:
    with App(address, unix=unix) as app:
        thread = threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield app
        finally:
            app.shutdown()
            thread.join()


@pytest.fixture(name="app")
def app_fixture() -> Iterator[App]:
    with serving(("127.0.0.1", 0)) as app:
        yield app


def target_of(app: App, **options: Any) -> Target:
    return Target(path="/health/ready/", port=app.server_address[1], **options)


def wait(target: Target, *, patience: Patience = QUICK, expected: str | None = "v2", **options: Any) -> Any:
    return wait_until_healthy(lambda left: probe(target, left), expected=expected, patience=patience, **options)


def test_an_answer_over_tcp(app: App) -> None:
    app.headers["X-Release"] = "v2"
    answer = probe(target_of(app, headers={"Host": "shop.example.com", "X-Forwarded-Proto": "https"}), 1)
    assert answer == Answer(status=200, release="v2", body="ok")
    assert app.seen[0]["Host"] == "shop.example.com"
    assert app.seen[0]["X-Forwarded-Proto"] == "https"
    assert app.seen[0]["path"] == "/health/ready/"
    assert app.seen[0]["Connection"] == "close"


def test_an_answer_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "v2.sock"
    with serving(str(path), unix=True) as app:
        app.body = b'{"status": "ok", "release": "v2"}'
        target = Target(path="/", socket=str(path))
        assert probe(target, 1).release == "v2"
        assert str(target) == f"unix:{path}/"


def test_the_release_comes_from_the_header_then_from_the_json_field(app: App) -> None:
    app.body = json.dumps({"release": "body", "id": "named"}).encode()
    assert probe(target_of(app), 1).release == "body"
    assert probe(target_of(app, release_field="id"), 1).release == "named"
    app.headers = {"X-Release": "header", "X-Other": "other"}
    assert probe(target_of(app), 1).release == "header"
    assert probe(target_of(app, release_header="X-Other"), 1).release == "other"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"release": 1}', b"\xff\xfe"])
def test_a_body_without_a_release(app: App, body: bytes) -> None:
    app.body = body
    assert probe(target_of(app), 1).release is None


def test_a_chunked_answer(app: App) -> None:
    app.headers = {"Transfer-Encoding": "chunked"}
    app.body = b'12\r\n{"release": "v2"} \r\n0\r\n\r\n'
    assert probe(target_of(app), 1).release == "v2"


def test_no_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert probe(Target(path="/", port=port), 1).error == "connection refused"
    assert probe(Target(path="/", socket=str(tmp_path / "none.sock")), 1).error == "No such file or directory"


def test_a_server_that_speaks_no_http() -> None:
    class Babble(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(b"220 mail ready\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Babble) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answer = probe(Target(path="/", port=server.server_address[1]), 1)
        thread.join()
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1/health_check/x", ("127.0.0.1", 80, False, "/health_check/x")),
        ("https://shop.example.com:8443?a=1", ("shop.example.com", 8443, True, "/?a=1")),
        ("http://[::1]:8000/", ("::1", 8000, False, "/")),
    ],
)
def test_target_of_url(url: str, expected: tuple[str, int, bool, str]) -> None:
    target = target_of_url(url)
    assert (target.host, target.port, target.tls, target.path) == expected


@pytest.mark.parametrize("url", ["ftp://x/", "shop.example.com", "http:///x", "http://x:port/"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(TrundleError, match="The URL"):
        target_of_url(url)


@pytest.mark.parametrize(
    ("answer", "expected", "cause"),
    [
        (Answer(status=200), None, None),
        (Answer(status=204, release="v2"), "v2", None),
        (Answer(error="connection refused"), None, "connection refused"),
        (Answer(status=503, body="database"), None, "last answer 503: database"),
        (Answer(status=302), None, "last answer 302"),
        (Answer(status=200), "v2", "it does not tell its release, where 'v2' is expected"),
        (Answer(status=200, release="v1"), "v2", "it serves release 'v1' where 'v2' is expected"),
    ],
)
def test_verdict(answer: Answer, expected: str | None, cause: str | None) -> None:
    assert verdict(answer, expected) == cause


def test_healthy_after_answers_in_a_row_each_over_its_own_connection(app: App) -> None:
    app.headers["X-Release"] = "v2"
    app.status = 503

    def heal() -> None:
        app.status = 503 if len(app.seen) in (1, 2, 4) else 200

    app.delay = heal
    outcome = wait(target_of(app))
    assert outcome.cause is None
    assert outcome.attempts == len(app.seen) == len(app.clients) == 7
    assert 0 < outcome.first_answer < outcome.seconds < 3


def test_f16_an_active_unit_is_not_taken_as_healthy() -> None:
    """READY comes from the arbiter: systemd says active while no worker answers."""
    watch = UnitWatch(systemd(restarts=[0]), "shop@v2.service")
    outcome = wait_until_healthy(
        lambda _left: Answer(error="connection refused"),
        expected="v2",
        patience=replace(QUICK, wait=0.2),
        given_up=watch,
    )
    assert outcome.cause == "timed out after 0.2 s: connection refused"
    assert outcome.first_answer is None


def test_f19_a_release_that_is_too_slow_is_refused(app: App) -> None:
    released = threading.Event()
    app.headers["X-Release"] = "v2"
    app.delay = lambda: released.wait(10) and None
    outcome = wait(target_of(app), patience=replace(QUICK, wait=0.8, timeout=0.2))
    released.set()
    assert outcome.cause.startswith("timed out after 0.8 s: no answer within")
    assert outcome.seconds < 1.5


def test_f19_a_slow_boot_is_waited_for(app: App) -> None:
    app.headers["X-Release"] = "v2"
    ready = time.monotonic() + 0.7
    app.delay = lambda: time.sleep(max(0.0, ready - time.monotonic()))
    outcome = wait(target_of(app))
    assert outcome.cause is None
    assert outcome.first_answer > 0.5


@pytest.mark.parametrize(("size", "drip"), [(100, 0.1), (2, 0.3)])
def test_f19_one_byte_at_a_time_is_slow_too(app: App, size: int, drip: float) -> None:
    app.headers["X-Release"] = "v2"
    app.body, app.drip = b"x" * size, drip
    begin = time.monotonic()
    assert probe(target_of(app), 0.4).error == "no answer within 0.4 s"
    assert time.monotonic() - begin < 2


def test_f19_an_unhealthy_release_is_refused(app: App) -> None:
    app.headers["X-Release"] = "v2"
    app.status, app.body = 503, b'{"status": "error"}'
    outcome = wait(target_of(app), patience=replace(QUICK, wait=0.3))
    assert outcome.cause == 'timed out after 0.3 s: last answer 503: {"status": "error"}'
    assert outcome.last.release == "v2"


def test_f19_another_release_id_is_refused(app: App) -> None:
    app.headers["X-Release"] = "v1"
    outcome = wait(target_of(app), patience=replace(QUICK, wait=0.3))
    assert outcome.cause == "timed out after 0.3 s: it serves release 'v1' where 'v2' is expected"


def test_f19_a_release_that_is_healthy_now_and_then_is_refused(app: App) -> None:
    """As one of two workers with the old code would."""
    app.delay = lambda: app.headers.update({"X-Release": f"v{1 + len(app.seen) % 2}"})
    outcome = wait(target_of(app), patience=replace(QUICK, wait=0.5))
    assert outcome.cause is not None
    assert outcome.first_answer is not None


def systemd(*, restarts: list[int], active: str = "active", load: str = "loaded") -> Callable[[list[str]], Any]:
    """A systemctl that answers with these numbers of restarts, one after the other."""
    left = list(restarts)

    def run(arguments: list[str]) -> tuple[int, str, str]:
        if arguments[0] == "journalctl":
            return 0, "ModuleNotFoundError: No module named 'missing'\n", ""
        count = left.pop(0) if len(left) > 1 else left[0]
        found = f"LoadState={load}\nActiveState={active}\nSubState=x\nNRestarts={count}\nResult=exit-code\n"
        return 0, found, ""

    return run


def test_a_failed_unit_is_not_waited_for() -> None:
    watch = UnitWatch(systemd(restarts=[0], active="failed"), "shop@v2.service")
    outcome = wait_until_healthy(
        lambda _left: Answer(error="connection refused"), expected=None, patience=Patience(), given_up=watch
    )
    assert outcome.cause == "the unit shop@v2.service has failed (exit-code)"
    assert outcome.attempts == 1
    assert watch.journal() == ["ModuleNotFoundError: No module named 'missing'"]


def test_a_unit_that_starts_over_and_over_is_not_waited_for() -> None:
    """Restarts from before the check do not count: they may be those of an earlier deploy."""
    watch = UnitWatch(systemd(restarts=[7, 7, 8, 9]), "shop@v2.service")
    outcome = wait_until_healthy(
        lambda _left: Answer(error="connection refused"),
        expected=None,
        patience=replace(QUICK, wait=60),
        given_up=watch,
    )
    assert outcome.cause == "the unit shop@v2.service ends and is started again (2 times, exit-code)"
    assert outcome.attempts == 3


def test_an_unknown_unit_is_told_at_once() -> None:
    with pytest.raises(TrundleError, match=r"systemd has no unit shop@v9\.service"):
        UnitWatch(systemd(restarts=[0], active="inactive", load="not-found"), "shop@v9.service")


def test_too_few_answers_in_a_row() -> None:
    outcome = wait_until_healthy(
        lambda _left: Answer(status=200), expected=None, patience=replace(QUICK, wait=0.2, consecutive=1000)
    )
    assert outcome.cause is not None
    assert "of 1000 healthy answers in a row" in outcome.cause


def test_f19_unhealthy_answers_in_a_row_end_the_waiting(app: App) -> None:
    app.status = 503
    found = wait(target_of(app), patience=replace(QUICK, wait=30.0, unhealthy=4))
    assert found.attempts == 4
    assert found.cause is not None
    assert found.cause.startswith("4 unhealthy answers in a row: last answer 503")
    assert found.seconds < 5


def test_a_release_that_still_boots_is_not_unhealthy(app: App) -> None:
    """It gives no answer at all; the answers of a release that is slow to be ready come in between."""
    answers = iter([Answer(error="connection refused")] * 5 + [Answer(status=503)] * 2 + [Answer(200, "v2")] * 3)
    patience = replace(QUICK, interval=0.001, unhealthy=3)
    found = wait_until_healthy(lambda _timeout: next(answers), expected="v2", patience=patience)
    assert (found.cause, found.attempts) == (None, 10)


class TwoWorkers:
    """The second answers where the first is busy: with one question at a time it never does."""

    def __init__(self, *releases: str) -> None:
        self.releases = releases
        self.asked = 0
        self.lock = threading.Lock()
        self.both = threading.Event()

    def __call__(self, _timeout: float) -> Answer:
        with self.lock:
            release = self.releases[min(self.asked, 1)]
            self.asked += 1
            if self.asked > 1:
                self.both.set()
        self.both.wait(0.3)
        with self.lock:
            self.asked -= 1
            if self.asked == 0:
                self.both.clear()
        return Answer(status=200, release=release)


@pytest.mark.parametrize(
    ("expected", "cause"),
    [
        ("v2", "it serves release 'v1' where 'v2' is expected (one of 4 connections at the same time)"),
        (None, "its workers serve different releases: v1, v2"),
    ],
)
def test_f19_one_worker_that_serves_another_release_is_found(expected: str | None, cause: str) -> None:
    def ask(*releases: str, connections: int) -> Any:
        patience = Patience(wait=60.0, interval=0.01, unhealthy=1, connections=connections)
        return wait_until_healthy(TwoWorkers(*releases), expected=expected, patience=patience)

    assert ask("v2", "v1", connections=0).cause is None, "one at a time, it does not show"
    assert ask("v2", "v1", connections=4).cause == f"1 unhealthy answers in a row: {cause}"
    found = ask("v2", "v2", connections=4)
    assert (found.cause, found.attempts) == (None, 3 + 4)


@pytest.mark.parametrize(
    ("earlier", "cause"),
    [
        (Answer(status=503, body="no database"), "last answer 503: no database"),
        (Answer(status=200), "only 1 of 3 healthy answers in a row"),
    ],
)
def test_a_last_question_that_had_no_time_does_not_hide_the_cause(earlier: Answer, cause: str) -> None:
    def ask(limit: float) -> Answer:
        return earlier if limit > 0.5 else Answer(error=f"no answer within {limit} s")

    times = iter([0.0, 0.0, 0.0, 1.0, 1.8, 1.8])
    patience = Patience(wait=2, interval=0.3, timeout=1)
    outcome = wait_until_healthy(
        ask, expected=None, patience=patience, clock=lambda: next(times), sleep=lambda _seconds: None
    )
    assert outcome.cause == f"timed out after 2 s: {cause}"
    assert outcome.attempts == 2
