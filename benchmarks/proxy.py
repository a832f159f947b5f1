# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before an HTTP server that counts requests, adds a delay to each, and spoils some of them on demand.

It runs in a thread of the process that starts it. Requests are told apart by their heads; answers pass as they come.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ansible_collections.trundle.django.benchmarks.threaded import Threaded

# drop: the request is lost. lose: it is carried out, and the answer is lost. reset: the connection breaks in the
# middle of the request. cut: the answer ends in its middle. late: the answer takes a while. error and slow_down: the
# server answers 500 and 503.
Fault = Literal["drop", "lose", "reset", "cut", "late", "error", "slow_down"]
FAULTS: tuple[Fault, ...] = ("drop", "lose", "reset", "cut", "late", "error", "slow_down")
LATE_SECONDS = 0.2

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_NO_LINGER = struct.pack("ii", 1, 0)
_ERRORS = {
    "error": ("500 Internal Server Error", "InternalError"),
    "slow_down": ("503 Slow Down", "SlowDown"),
}


@dataclass(frozen=True)
class Request:
    """number: 0 for the first request since the start or the last reset."""

    number: int
    method: str
    target: str


Chooser = Callable[[Request], "Fault | None"]


class Proxy(Threaded):
    """`choose` is asked once for each request."""

    def __init__(self, upstream: tuple[str, int], *, delay: float = 0.0, choose: Chooser | None = None) -> None:
        super().__init__(lambda: _Client(self))
        self.upstream = upstream
        self.delay = delay
        self.choose = choose
        self.requests: list[Request] = []

    def reset(self, choose: Chooser | None = None) -> None:
        """Forget the requests so far, and from now on ask this one for faults."""
        self.requests, self.choose = [], choose

    def begin(self, method: str, target: str) -> Fault | None:
        request = Request(len(self.requests), method, target)
        self.requests.append(request)
        return self.choose(request) if self.choose else None


class _Client(asyncio.Protocol):
    """The connection of a client, and its own one to the server."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.pending = bytearray()
        # So many bytes of the current request's body are still to come.
        self.body = 0
        self.fault: Fault | None = None
        self.answer = bytearray()
        # Nothing is taken from `pending` before the server is connected, or while a request waits for its delay.
        self.held = True
        self.server: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.proxy.transports.add(transport)
        self.task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self.server, _protocol = await loop.create_connection(lambda: _Server(self), *self.proxy.upstream)
        except OSError:
            self.transport.abort()
            return
        self.held = False
        self._pump()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.proxy.transports.discard(self.transport)
        self.task.cancel()
        if self.server:
            self.server.abort()

    def pause_writing(self) -> None:
        self.server.pause_reading()

    def resume_writing(self) -> None:
        self.server.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.pending += data
        self._pump()

    def answered(self, data: bytes) -> None:
        """Bytes of the server's answer, spoilt where that is this request's fault."""
        if self.fault == "lose":
            self.transport.abort()
        elif self.fault == "cut":
            self._cut(data)
        elif not self.transport.is_closing():
            self.transport.write(data)

    def _cut(self, data: bytes) -> None:
        """Pass the first half of the answer's body, or of its head where it has none."""
        self.answer += data
        end = self.answer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        found = _LENGTH.search(self.answer, 0, end)
        size = int(found.group(1)) if found else 0
        keep = end + size // 2 if size else end // 2
        if len(self.answer) >= keep:
            self.transport.write(bytes(self.answer[:keep]))
            self.transport.close()

    def _pump(self) -> None:
        while self.pending and not self.held and not self.transport.is_closing():
            if self.body:
                self._pass_body()
                continue
            end = self.pending.find(b"\r\n\r\n")
            if end < 0:
                return
            self._take_head(self._take(end + 4))

    def _take(self, size: int) -> bytes:
        data = bytes(self.pending[:size])
        del self.pending[:size]
        return data

    def _take_head(self, head: bytes) -> None:
        if _CHUNKED.search(head):
            raise ValueError("The proxy does not know where a chunked request ends.")
        method, target = head.split(b" ", 2)[:2]
        found = _LENGTH.search(head)
        self.body = int(found.group(1)) if found else 0
        self.fault = self.proxy.begin(method.decode(), target.decode())
        delay = self.proxy.delay + (LATE_SECONDS if self.fault == "late" else 0.0)
        if delay:
            self.held = True
            asyncio.get_running_loop().call_later(delay, self._pass_head, head)
        else:
            self._pass_head(head)

    def _pass_head(self, head: bytes) -> None:
        waited, self.held = self.held, False
        self._pass(head)
        if not self.body:
            self._request_done()
        if waited:
            self._pump()

    def _pass_body(self) -> None:
        data = self._take(self.body)
        self.body -= len(data)
        self._pass(data[: len(data) // 2] if self.fault == "reset" else data)
        if not self.body or self.fault == "reset":
            self._request_done()

    def _pass(self, data: bytes) -> None:
        if self.fault not in ("drop", "error", "slow_down"):
            self.server.write(data)

    def _request_done(self) -> None:
        if self.fault == "drop":
            self.transport.abort()
        elif self.fault == "reset":
            for transport in (self.transport, self.server):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                transport.abort()
        elif self.fault in _ERRORS:
            status, code = _ERRORS[self.fault]
            body = f"<Error><Code>{code}</Code><Message>On demand.</Message></Error>"
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
            self.transport.write((head + body).encode())


class _Server(asyncio.Protocol):
    """The connection to the server."""

    def __init__(self, client: _Client) -> None:
        self.client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.client.proxy.transports.add(transport)

    def data_received(self, data: bytes) -> None:
        self.client.answered(data)

    def pause_writing(self) -> None:
        self.client.transport.pause_reading()

    def resume_writing(self) -> None:
        self.client.transport.resume_reading()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.client.proxy.transports.discard(self.transport)
        self.client.transport.close()
