# SPDX-License-Identifier: BSD-3-Clause
"""The health views under ASGI, through Django's own handler: one loop for all requests."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test import AsyncClient

from trundle.health import Check, CheckFailed

from conftest import Folder

VIEWS = ["alive", "ready", "balancer"]


class Slow(Check):
    """Fails when it is not waited for; a database that does not answer."""

    name = "slow"
    timeout = 2.0

    def __init__(self) -> None:
        self.free = threading.Event()

    def run(self) -> None:
        if not self.free.wait(5):
            raise CheckFailed("nobody came")


@pytest.mark.parametrize("view", VIEWS)
def test_answers_as_under_wsgi(released: Folder, view: str) -> None:
    async def ask() -> Any:
        client = AsyncClient()
        return (
            await client.get(f"/health/{view}/"),
            await client.head(f"/health/{view}/"),
            await client.post(f"/health/{view}/"),
        )

    get, head, post = asyncio.run(ask())
    assert (get.status_code, get["X-Release"], get.json()["release"]) == (200, "v1", "v1")
    assert "no-store" in get["Cache-Control"]
    assert (head.status_code, head.content, post.status_code) == (200, b"", 405)


async def probe(path: str) -> tuple[int, dict[str, Any]]:
    """One request, as a server hands it over."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"testserver")], "query_string": b""}

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else await asyncio.Event().wait()  # type: ignore[return-value]  # never

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await ASGIHandler()(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body)


def test_a_check_that_hangs_holds_up_no_other_request(configure) -> None:
    slow = Slow()
    configure(TRUNDLE_HEALTH={"CHECKS": [slow]})

    async def ask() -> tuple[float, int, int]:
        hanging = asyncio.create_task(probe("/health/ready/"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        alive, _body = await probe("/health/alive/")
        took = time.monotonic() - started
        assert not hanging.done()
        slow.free.set()
        return took, alive, (await hanging)[0]

    took, alive, ready = asyncio.run(ask())
    assert (alive, ready) == (200, 200)
    assert took < 1
