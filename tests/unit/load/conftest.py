# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small site on a real server, with every kind of reference, that a test can damage."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import threading
import time
from pathlib import Path

import pytest
from aiohttp import web

SHARED = Path(__file__).resolve().parents[3] / "molecule" / "shared"
sys.path.insert(0, str(SHARED))

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "woff2": "font/woff2"}
PAGE = """<!doctype html><html><head><meta name="release" content="{release}">
<link rel="stylesheet" href="{static}{css}"><link rel="icon" href="{static}{icon}">
<script type="importmap">{{"imports": {{"shop/format": "{static}{format}"}}}}</script>
<script type="module" crossorigin src="{static}{app}"></script></head><body><a href="/elsewhere">no asset</a>
<img src="{static}{icon}"><button data-chunk="{static}{chunk}" data-target="#out">More</button><p id="out"></p>
<form method="post" action="/subscribe"><input type="hidden" name="token" value="t-{release}">
<input type="email" name="email"><button type="submit">Go</button></form></body></html>"""
APP = """import "shop/format";
const button = document.querySelector("button"), out = document.querySelector(button.dataset.target);
button.addEventListener("click", async () => {
  try { (await import(button.dataset.chunk)).show(out); out.dataset.state = "loaded"; }
  catch (error) { out.dataset.state = "failed"; throw error; }
});"""


def hashed(name: str, body: bytes) -> str:
    stem, _dot, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.md5(body, usedforsecurity=False).hexdigest()[:12]}.{suffix}"


class Site:
    """Releases share one folder of assets, as in a store. Everything is looked up at each request."""

    def __init__(self) -> None:
        self.assets: dict[str, bytes] = {}
        self.names: dict[str, dict[str, str]] = {}
        self.serving = "v1"
        self.static = "/static/"
        self.headers: dict[str, str] = {}
        self.types = dict(TYPES)
        self.seen: list[tuple[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        self.origins: set[str | None] = set()
        self.subscribed: list[str] = []
        self.page: web.Response | None = None
        self.form_status = 302
        self.stalled_until = 0.0
        self.cut_short = False
        for release in ("v1", "v2"):
            self.publish(release)

    def publish(self, release: str) -> None:
        """Put a release's assets into the folder: its icon is shared, all else is its own."""
        note = f"/* {release} */".encode()
        names: dict[str, str] = {}

        def add(key: str, name: str, body: bytes) -> None:
            names[key] = hashed(name, body)
            self.assets[names[key]] = body

        add("icon", "img/icon.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>')
        add("font", "fonts/own.woff2", b"wOF2" + note)
        add("tokens", "css/tokens.css", f"@font-face{{src:url(../{names['font']})}}".encode())
        add("css", "css/app.css", f'@import "../{names["tokens"]}"; a{{background:url("../{names["icon"]}")}}'.encode())
        add("format", "js/format.js", note + b" export const one = 1;")
        add("app", "js/app.js", APP.encode() + note)
        add("chunk", "js/chunk.js", f'export function show(out) {{ out.textContent = "chunk of {release}"; }}'.encode())
        self.names[release] = names

    def manifest(self, release: str) -> str:
        return json.dumps({"version": "1.1", "paths": self.names[release]})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        self.connections.add(request.transport.get_extra_info("peername"))
        if request.path.startswith("/static/"):
            return self._asset(request)
        await asyncio.sleep(max(0.0, self.stalled_until - time.monotonic()))
        if request.method == "POST":
            return await self._form(request)
        if self.cut_short:
            return await self._half(request)
        if self.page is not None:
            return web.Response(status=self.page.status, text=self.page.text, content_type="text/html")
        text = PAGE.format(release=self.serving, static=self.static, **self.names[self.serving])
        response = web.Response(text=text, content_type="text/html")
        response.set_cookie("csrf", "secret")
        return response

    def _asset(self, request: web.Request) -> web.Response:
        self.origins.add(request.headers.get("Origin"))
        name = request.path.removeprefix("/static/")
        if name not in self.assets:
            return web.Response(status=404)
        kind = self.types[name.rpartition(".")[2]]
        return web.Response(body=self.assets[name], content_type=kind, headers=self.headers)

    async def _form(self, request: web.Request) -> web.Response:
        fields = await request.post()
        known = request.cookies.get("csrf") == "secret" and str(fields["token"]).startswith("t-")
        if not known or request.headers.get("Origin") != f"http://{request.host}":
            return web.Response(status=403)
        self.subscribed.append(str(fields["email"]))
        return web.Response(status=self.form_status, headers={"Location": "/thanks"})

    async def _half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"<html>")
        assert request.transport
        request.transport.close()
        return response


class Server:
    """Runs a site in a thread of its own, on a free port."""

    def __init__(self, site: Site) -> None:
        self.loop = asyncio.new_event_loop()
        self.runner: web.AppRunner | None = None
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(site), self.loop).result(10)

    async def _start(self, site: Site) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", site.answer)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return int(self.runner.addresses[0][1])

    async def _stop(self, runner: web.AppRunner) -> None:
        await runner.cleanup()
        # Answers that are still held back have lost their visitors.
        held = asyncio.all_tasks() - {asyncio.current_task()}
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    def close(self) -> None:
        assert self.runner
        asyncio.run_coroutine_threadsafe(self._stop(self.runner), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def server(site):
    running = Server(site)
    yield running
    running.close()


@pytest.fixture
def other_server(site):
    """The same site under another origin, as a CDN is."""
    running = Server(site)
    yield running
    running.close()
