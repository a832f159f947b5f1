# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ansible_collections.trundle.django.plugins.module_utils import served
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.package import load_package
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.served import check_url, served_problems

APP = "css/app.0123456789ab.css"
IMAGE = "img/space and ü #1.0123456789ab.svg"
FILES = {"css/app.css": (APP, b"body{}"), "img/space and ü #1.svg": (IMAGE, b"<svg/>")}


class Cdn(ThreadingHTTPServer):
    """Serves a folder; answers: name -> what it does instead, once for each element."""

    def __init__(self, record: Record, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.record, self.folder = record, folder
        self.answers: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        self.encodings: dict[str, str | None] = {}
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/static/"


class Handler(BaseHTTPRequestHandler):
    server: Cdn

    def log_message(self, *_arguments: Any) -> None:
        """Tests are silent."""

    def do_GET(self) -> None:
        name = unquote(self.path.removeprefix("/static/"))
        cdn = self.server
        with cdn.lock:
            cdn.asked[name] += 1
            cdn.encodings[name] = self.headers["Accept-Encoding"]
            cdn.busy += 1
            cdn.busiest = max(cdn.busiest, cdn.busy)
            answer = cdn.answers[name].pop(0) if cdn.answers.get(name) else {}
        time.sleep(answer.get("delay", 0))
        data = answer.get("data", (cdn.folder / name).read_bytes())
        with cdn.lock:
            cdn.busy -= 1
        self.send_response(answer.get("status", 200))
        self.send_header("Content-Type", answer.get("type", f"{cdn.record.files[name].content_type}; charset=utf-8"))
        self.send_header("Content-Length", str(answer.get("length", len(data))))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def cdn(make_release: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cdn]:
    monkeypatch.setattr(served, "PAUSE", 0.01)
    package = load_package(str(make_release("v1", FILES, {APP + ".gz": b"gzipped"})))
    server = Cdn(package.record, package.folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def look(cdn: Cdn, *keys: str, concurrency: int = 4) -> dict[str, str]:
    keys = keys or tuple(cdn.record.files)
    return served_problems(
        cdn.url, cdn.record, keys, concurrency=concurrency, steps=Steps(Progress(), "fetch", len(keys))
    )


def test_files_that_are_served_as_recorded_are_right(cdn: Cdn) -> None:
    assert look(cdn) == {}
    assert cdn.asked == dict.fromkeys((APP, APP + ".gz", IMAGE), 1)
    assert cdn.encodings == {APP: "identity", APP + ".gz": "gzip", IMAGE: "identity"}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"status": 404, "data": b"gone"}, "answered 404"),
        ({"status": 403, "data": b"no"}, "answered 403"),
        ({"data": b"BODY{}"}, "serves other content than that of the record"),
        ({"data": b"<html>Welcome"}, "serves more than the 6 bytes of the record"),
        ({"data": b"body"}, "serves 4 bytes where the record says 6"),
        ({"type": "text/html"}, "has the Content-Type 'text/html' where the record says 'text/css'"),
    ],
    ids=["missing", "denied", "content", "page", "short", "type"],
)
def test_f1_what_visitors_would_not_get_is_named(cdn: Cdn, answer: dict[str, Any], problem: str) -> None:
    cdn.answers[APP] = [answer]
    assert look(cdn) == {APP: f"{cdn.url}{APP} {problem}"}
    assert cdn.asked[APP] == 1


@pytest.mark.parametrize(
    "answer", [{"status": 503}, {"status": 429}, {"data": b"bo", "length": 6}], ids=["busy", "throttled", "cut"]
)
def test_what_may_be_gone_later_is_tried_again_and_not_for_ever(cdn: Cdn, answer: dict[str, Any]) -> None:
    cdn.answers[APP] = [answer, answer]
    assert look(cdn) == {}
    assert cdn.asked[APP] == 3
    cdn.answers[APP] = [answer] * 9
    found = look(cdn)
    assert list(found) == [APP]
    assert found[APP].endswith(", also when it was tried again")
    assert cdn.asked[APP] == 6


def test_no_more_requests_at_a_time_than_allowed(cdn: Cdn) -> None:
    for key in cdn.record.files:
        cdn.answers[key] = [{"delay": 0.1}]
    assert look(cdn, concurrency=2) == {}
    assert cdn.busiest == 2


def test_nobody_there_is_told(cdn: Cdn) -> None:
    found = served_problems(
        "http://127.0.0.1:1/", cdn.record, [APP], concurrency=1, steps=Steps(Progress(), "fetch", 1)
    )
    assert "could not be read" in found[APP]
    assert "refused" in found[APP]


@pytest.mark.parametrize("url", ["/static/", "ftp://cdn/static", "https://", "https://cdn/static?x=1"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(TrundleError, match="it looks like https://cdn"):
        check_url(url)


def test_a_slash_is_added() -> None:
    assert check_url("https://cdn.example.com/static") == "https://cdn.example.com/static/"
