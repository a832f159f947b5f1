# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A visitor of a server whose sockets are closed as the test says."""

from __future__ import annotations

import asyncio
from typing import Any

import live
import pytest
from aiohttp import web


def seen(*sockets: tuple[str, int | None], wait: float = 5.0, status: int | None = None) -> live.Visitor:
    """sockets: what each tells, and the code that it is closed with, None to stay open; status: refuses all of them."""
    left = list(sockets)

    async def handle(request: web.Request) -> Any:
        if status is not None:
            return web.Response(status=status)
        release, code = left.pop(0)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(release)
        if code is None:
            await socket.receive()
        else:
            await socket.close(code=code)
        return socket

    async def run() -> list[live.Visitor]:
        app = web.Application()
        app.router.add_get("/live/", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/live/"
        try:
            return await live.visit(url, "shop.test", until="v2", visitors=1, wait=wait)
        finally:
            await runner.cleanup()

    [visitor] = asyncio.run(run())
    return visitor


def test_it_comes_again_until_it_is_told_the_release() -> None:
    assert seen(("v1", 1012), ("v1", 1001), ("v2", None)) == live.Visitor(["v1", "v1", "v2"], [1012, 1001])


def test_one_that_never_comes_there_is_told() -> None:
    assert seen(("v1", None), wait=0.5) == live.Visitor(["v1"], [], ["no v2 in 0.5 s"])


@pytest.mark.parametrize("status", [403, 502])
def test_a_socket_that_is_refused_is_told(status: int) -> None:
    assert str(status) in seen(status=status).wrong[0]
