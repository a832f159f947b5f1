# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visits a site as browsers do, on schedule, and tells what went wrong.

``python load.py --url http://BALANCER --host shop.example.com --rate 60 --page / --page /products/ \\
--manifests DIR --out FILE``, ended by --duration, SIGTERM or SIGINT. Pages are requested at a fixed rate whether or
not earlier ones were answered, half of them on fresh connections; forms are sent; every asset that a page names, in
sheets and import maps too, is fetched and compared with the hash in its name. FILE is written each second and at the
end. The exit status is 0 whenever it ran: the caller judges.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from load_page import Asset, Form, Manifests, Page, asset_problem, css_references, parse_page
from load_report import Tally

ASSET_SECONDS = 1.0  # an asset is fetched again at most once in this time: the load is meant for the pages
USER_AGENT = "trundle-load"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookies: SimpleCookie
    body: bytes


@dataclass(frozen=True)
class Options:
    base: str
    rate: float
    out: Path
    pages: list[str] = field(default_factory=lambda: ["/"])
    resolve: dict[str, str] = field(default_factory=dict)
    duration: float | None = None
    timeout: float = 10.0
    post_every: int = 8
    cdn: list[str] = field(default_factory=list)
    need_hash: bool = True
    status: bool = False


class Resolver(AbstractResolver):
    """Knows a few names by heart, as a browser does with --host-resolver-rules."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known
        self.other = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self.other.resolve(self.known.get(host, host), port, family)
        return [ResolveResult(**{**address, "hostname": host}) for address in found]

    async def close(self) -> None:
        await self.other.close()


def describe(error: BaseException, timeout: float) -> str:
    if isinstance(error, (asyncio.TimeoutError, aiohttp.ServerTimeoutError)):
        return f"timed out after {timeout:g} s"
    return f"{type(error).__name__}: {error}".rstrip(": ")


class Traffic:
    """One run of the generator."""

    def __init__(self, options: Options, manifests: Manifests) -> None:
        self.options = options
        self.tally = Tally(manifests)
        self.stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asset_due: dict[str, float] = {}
        self._with_form = 0
        self._ending = False
        self._broken: BaseException | None = None
        self._clock = time.time() - time.monotonic()

    async def run(self) -> None:
        async with self._session(fresh=True) as self._fresh, self._session(fresh=False) as self._kept:
            ticker = asyncio.create_task(self._tick())
            await self._launch()
            self._ending = True
            while self._tasks:  # each ends within its timeout; to cut one short would hide a failure
                await asyncio.wait(self._tasks)
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)
        self._look_around(running=False)
        if self.options.status:
            print(file=sys.stderr)
        if self._broken:
            raise RuntimeError("the traffic generator itself failed") from self._broken

    def _session(self, *, fresh: bool) -> aiohttp.ClientSession:
        # No limit and no retry of ours: what a visitor would see is counted. As browsers do, aiohttp repeats a GET
        # once when the server had just closed the kept connection that it was sent on.
        connector = aiohttp.TCPConnector(limit=0, force_close=fresh, resolver=Resolver(self.options.resolve))
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self.options.timeout),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, deflate"},
        )

    async def _launch(self) -> None:
        """Start a visit each 1/rate seconds, however long the others take: a stall must not slow the visitors."""
        start, number = time.monotonic(), 0
        while not self.stop.is_set():
            due = start + number / self.options.rate
            if self.options.duration is not None and due >= start + self.options.duration:
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.tally.late_ms = max(self.tally.late_ms, (time.monotonic() - due) * 1000)
            self._spawn(self._visit(number, due))
            number += 1

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            self._broken = task.exception()
            self.stop.set()

    async def _visit(self, number: int, due: float) -> None:
        pages = self.options.pages
        url = urljoin(self.options.base, pages[number % len(pages)])
        fresh = number // len(pages) % 2 == 0  # one round of the pages each way
        seen = await self._page(url, due, fresh=fresh)
        if seen is None or not seen[0].forms:
            return
        page, cookies = seen
        self._with_form += 1
        if self.options.post_every and not self._ending and self._with_form % self.options.post_every == 0:
            await self._submit(url, page.forms[0], cookies)

    async def _page(
        self, url: str, due: float, *, fresh: bool, cookies: SimpleCookie | None = None
    ) -> tuple[Page, SimpleCookie] | None:
        """Fetch a page, count and judge it, and fetch what it names."""
        answer, error = await self._fetch("GET", url, fresh=fresh, cookies=cookies)
        at, ms = due + self._clock, (time.monotonic() - due) * 1000
        page, cause = None, error
        if answer and answer.status != 200:
            cause = f"status {answer.status}"
        elif answer:
            try:
                page = parse_page(url, answer.body.decode())
                cause = None if page.release else "page names no release"
            except ValueError as broken:
                cause = f"page cannot be read: {broken}"
        release = page.release if page else None
        self.tally.request(at, ms, url, release=release, cause=cause)
        if not page or not answer:
            return None
        if release:
            self.tally.judge(at, url, release, page.assets)
        self._want(page.assets)
        return page, answer.cookies

    async def _submit(self, url: str, form: Form, cookies: SimpleCookie) -> None:
        """Send a form as the page's visitor, and follow where it leads.

        Always on a fresh connection: a POST is never repeated, so a kept connection that the server just closed
        would be counted as an error that no deploy caused.
        """
        due = time.monotonic()
        self.tally.posts += 1
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        headers = {"Origin": origin, "Referer": url}
        data = dict(form.fields)
        answer, cause = await self._fetch("POST", form.action, fresh=True, cookies=cookies, headers=headers, data=data)
        if answer and answer.status not in (200, 302, 303):
            cause = f"status {answer.status} to a form"
        self.tally.request(due + self._clock, (time.monotonic() - due) * 1000, form.action, cause=cause)
        if answer and answer.status in (302, 303):
            cookies.update(answer.cookies)
            target = urljoin(form.action, answer.headers.get("Location", ""))
            await self._page(target, time.monotonic(), fresh=False, cookies=cookies)

    def _want(self, assets: frozenset[Asset]) -> None:
        now = time.monotonic()
        for asset in assets:
            if self._asset_due.get(asset.url, 0.0) <= (0.0 if self._ending else now):
                self._asset_due[asset.url] = now + ASSET_SECONDS
                self._spawn(self._asset(asset))

    async def _asset(self, asset: Asset) -> None:
        start, base = time.monotonic(), urlsplit(self.options.base)
        origin = f"{base.scheme}://{base.netloc}"
        foreign = urlsplit(asset.url).netloc != base.netloc
        headers = {"Origin": origin} if asset.cors and foreign else {}
        answer, cause = await self._fetch("GET", asset.url, fresh=False, headers=headers)
        if answer:
            cause = self._asset_cause(asset.url, answer, origin if headers else None)
        at, ms = start + self._clock, (time.monotonic() - start) * 1000
        self.tally.asset(at, ms, asset.url, status=answer.status if answer else None, cause=cause)
        if answer and not cause and urlsplit(asset.url).path.endswith(".css"):
            self._want(css_references(asset.url, answer.body.decode(errors="replace")))

    def _asset_cause(self, url: str, answer: Answer, origin: str | None) -> str | None:
        if answer.status != 200:
            return f"status {answer.status} for an asset"
        if self.options.cdn and not url.startswith(tuple(self.options.cdn)):
            return "asset is not served from the CDN"
        if origin and answer.headers.get("Access-Control-Allow-Origin") not in ("*", origin):
            return "asset of another host without Access-Control-Allow-Origin"
        content_type = answer.headers.get("Content-Type", "")
        return asset_problem(url, answer.body, content_type, need_hash=self.options.need_hash)

    async def _fetch(
        self,
        method: str,
        url: str,
        *,
        fresh: bool,
        cookies: SimpleCookie | None = None,
        headers: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
    ) -> tuple[Answer | None, str | None]:
        """Return the whole answer, or why there is none."""
        sent = dict(headers or {})
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        self.tally.fresh += fresh
        session = self._fresh if fresh else self._kept
        try:
            async with session.request(method, url, headers=sent, data=data, allow_redirects=False) as response:
                body = await response.read()
                return Answer(response.status, response.headers, response.cookies, body), None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            return None, describe(error, self.options.timeout)

    async def _tick(self) -> None:
        while True:
            self._look_around(running=True)
            await asyncio.sleep(1)

    def _look_around(self, *, running: bool) -> None:
        self.tally.manifests.scan()
        self.tally.judge_late()
        self.tally.write(self.options.out, running=running)
        if self.options.status:
            print(f"\r{self.tally.line()}\033[K", end="", file=sys.stderr, flush=True)


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def parse_arguments(arguments: list[str] | None = None) -> tuple[Options, Manifests]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where to connect: http://ADDRESS[:PORT]")
    parser.add_argument("--host", help="name of the site; default: the one in --url")
    parser.add_argument("--page", action="append", metavar="PATH", help="page of the rotation; default /")
    parser.add_argument("--rate", type=float, default=60.0, help="pages a second")
    parser.add_argument("--duration", type=float, help="seconds; default: until a signal")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds after which a request has failed")
    parser.add_argument("--post-every", type=int, default=8, help="send the form of every Nth page with one; 0: never")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file")
    parser.add_argument("--manifest", type=pair, action="append", default=[], metavar="RELEASE=FILE")
    parser.add_argument("--manifests", type=Path, metavar="DIR", help="folder of RELEASE.json, read as they appear")
    parser.add_argument("--cdn", action="append", default=[], metavar="URL", help="assets must be below (one of) these")
    parser.add_argument("--resolve", type=pair, action="append", default=[], metavar="HOST=ADDRESS")
    parser.add_argument("--allow-unhashed", action="store_true", help="accept assets without a hash in the name")
    parser.add_argument("--status", action="store_true", help="a live line on standard error")
    given = parser.parse_args(arguments)
    where = urlsplit(given.url)
    if where.scheme not in ("http", "https") or not where.hostname or given.rate <= 0:
        parser.error("--url must be http://ADDRESS[:PORT], and --rate more than 0")
    host = given.host or where.hostname
    options = Options(
        base=f"{where.scheme}://{host}" + (f":{where.port}" if where.port else "") + "/",
        rate=given.rate,
        out=given.out,
        pages=given.page or ["/"],
        resolve={**dict(given.resolve), host: where.hostname},
        duration=given.duration,
        timeout=given.timeout,
        post_every=given.post_every,
        cdn=given.cdn,
        need_hash=not given.allow_unhashed,
        status=given.status,
    )
    files = {release: Path(path) for release, path in given.manifest}
    return options, Manifests(files, given.manifests)


async def main() -> None:
    traffic = Traffic(*parse_arguments())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, traffic.stop.set)
    await traffic.run()


if __name__ == "__main__":
    asyncio.run(main())
