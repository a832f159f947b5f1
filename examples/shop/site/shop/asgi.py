# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASGI entry point: ``gunicorn --worker-class uvicorn_worker.UvicornWorker shop.asgi:application``.

Beside what Django answers there is a WebSocket at /live/, which tells the release and stays open.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
# Django's advice for ASGI: each request may have a thread of its own, and would leave its connection open behind it.
os.environ.setdefault("SHOP_CONN_MAX_AGE", "0")

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

django = get_asgi_application()


async def application(scope: Event, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await live(scope, receive, send)
    else:
        await django(scope, receive, send)


async def live(scope: Event, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] != "/live/":
        # Before it is accepted: the client gets status 403.
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": os.environ.get("TRUNDLE_RELEASE", "")})
    while (await receive())["type"] != "websocket.disconnect":
        pass
