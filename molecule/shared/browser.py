# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a page open in headless Chromium, and acts on it when told to.

``python browser.py --url http://shop.example.com/about/ --resolve shop.example.com=BALANCER --state DIR`` opens the
page and prints one line of JSON: ``{"event": "opened", "release": ...}``. Then it reads commands, one a line, and
answers each with one line of JSON:

load-chunk       click the button of the lazily loaded chunk; tells its address, status and the text that it rendered
reload           load the page again
goto PATH        open another page of the site
screenshot FILE  save a picture of the whole page
quit             close the browser (so does the end of the input)

``"ok": false`` says that it went wrong; the exit status is 1 when any answer did.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request, Response, sync_playwright

# Without these a fresh Chromium looks for updates and accounts of its own.
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Django sends this header always; a browser ignores it, and says so as an error, where there is no TLS.
PLAIN_HTTP = "Cross-Origin-Opener-Policy header has been ignored"
BUTTON = "button[data-chunk]"


def find_chromium(given: str | None) -> str:
    found = given or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise SystemExit(f"browser: none of {', '.join(NAMES)} is on PATH; install chromium or give --executable")
    return found


def resolver_rules(pairs: Iterable[str]) -> str:
    """Turn HOST=ADDRESS pairs into Chromium's --host-resolver-rules."""
    rules = []
    for text in pairs:
        host, equals, address = text.partition("=")
        if not (host and equals and address):
            raise ValueError(f"--resolve must be HOST=ADDRESS, not {text!r}")
        rules.append(f"MAP {host} {address}")
    return ", ".join(rules)


class Visitor:
    """One open page, and what the browser said about it since the last command."""

    def __init__(self, page: Page, timeout: float) -> None:
        self.page = page
        self.timeout_ms = timeout * 1000
        self.errors: list[str] = []
        self.statuses: dict[str, int] = {}
        page.set_default_timeout(self.timeout_ms)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def open(self, url: str, event: str) -> dict[str, Any]:
        self.errors.clear()
        response = self.page.goto(url, wait_until="load")
        return self._looked(event, response)

    def reload(self) -> dict[str, Any]:
        self.errors.clear()
        return self._looked("reloaded", self.page.reload(wait_until="load"))

    def goto(self, path: str) -> dict[str, Any]:
        return self.open(urljoin(self.page.url, path), "opened")

    def load_chunk(self) -> dict[str, Any]:
        """Click, wait until the page says that the chunk ran or failed, and tell what came."""
        self.errors.clear()
        button = self.page.locator(BUTTON).first
        chunk = urljoin(self.page.url, button.get_attribute("data-chunk") or "")
        target = self.page.locator(button.get_attribute("data-target") or "body")
        self.statuses.clear()
        try:
            button.click()
            target.and_(self.page.locator("[data-state]")).wait_for(state="attached")
        except Error as error:
            self.errors.append(error.message.splitlines()[0])
        status = self.statuses.get(chunk)
        state = target.get_attribute("data-state")
        return {
            "event": "chunk",
            "ok": state == "loaded" and status in (200, 304) and not self.errors,
            "release": self.release(),
            "chunk": chunk,
            "status": status,
            "text": " ".join(target.inner_text().split()),
            "errors": list(self.errors),
        }

    def screenshot(self, path: str) -> dict[str, Any]:
        self.page.screenshot(path=path, full_page=True)
        return {"event": "screenshot", "ok": True, "path": path}

    def release(self) -> str | None:
        meta = self.page.locator("meta[name=release]")
        return meta.first.get_attribute("content") if meta.count() else None

    def _looked(self, event: str, response: Response | None) -> dict[str, Any]:
        status = response.status if response else None
        release = self.release()
        ok = status == 200 and release is not None and not self.errors
        answer = {"event": event, "ok": ok, "url": self.page.url, "status": status, "release": release}
        return {**answer, "title": self.page.title(), "errors": list(self.errors)}

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and PLAIN_HTTP not in message.text:
            self.errors.append(message.text)

    def _failed(self, request: Request) -> None:
        self.errors.append(f"{request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        self.statuses[response.url] = response.status
        if response.status >= 400:
            self.errors.append(f"{response.url}: status {response.status}")


def obey(visitor: Visitor, line: str) -> dict[str, Any]:
    """Carry out one command. What goes wrong is an answer too."""
    command, _space, argument = line.strip().partition(" ")
    try:
        if command == "load-chunk":
            return visitor.load_chunk()
        if command == "reload":
            return visitor.reload()
        if command == "goto" and argument:
            return visitor.goto(argument)
        if command == "screenshot" and argument:
            return visitor.screenshot(argument)
    except Error as error:
        return {"event": command, "ok": False, "errors": [error.message.splitlines()[0]]}
    return {"event": "unknown", "ok": False, "errors": [f"unknown command {line.strip()!r}"]}


def say(answer: dict[str, Any]) -> bool:
    print(json.dumps(answer), flush=True)
    return bool(answer["ok"])


def serve(context: BrowserContext, url: str, timeout: float) -> bool:
    visitor = Visitor(context.pages[0] if context.pages else context.new_page(), timeout)
    try:
        ok = say(visitor.open(url, "opened"))
    except Error as error:
        return say({"event": "opened", "ok": False, "errors": [error.message.splitlines()[0]]})
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        if line.strip():
            ok = say(obey(visitor, line)) and ok
    return ok


@contextmanager
def launched(
    state: Path, *, executable: str | None = None, flags: Iterable[str] = (), size: tuple[int, int] = (1280, 900)
) -> Iterator[BrowserContext]:
    """A browser that has never been anywhere; its files are gone with it."""
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state, prefix="profile-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=find_chromium(executable),
            headless=True,
            chromium_sandbox=False,  # a root user, as in a container, has none
            args=[*FLAGS, *flags],
            viewport={"width": size[0], "height": size[1]},
        )
        try:
            yield context
        finally:
            context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--resolve", action="append", default=[], metavar="HOST=ADDRESS")
    parser.add_argument("--state", type=Path, required=True, help="folder for the browser's own files")
    parser.add_argument("--timeout", type=float, default=15.0, help="seconds for each step")
    parser.add_argument("--executable", help="path of Chromium; default: found on PATH")
    parser.add_argument("--size", default="1280x900", help="of the window")
    options = parser.parse_args()
    try:
        rules = resolver_rules(options.resolve)
        width, height = map(int, options.size.split("x"))
    except ValueError as error:
        parser.error(str(error))
    flags = [f"--host-resolver-rules={rules}"] if rules else []
    with launched(options.state, executable=options.executable, flags=flags, size=(width, height)) as context:
        ok = serve(context, options.url, options.timeout)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
