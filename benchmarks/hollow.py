# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server that keeps the names and sizes of objects and not their bytes, and lists any number of made-up ones.

For what is too large for a real one in a test: what a client needs of memory for a file of gigabytes, or for a bucket
with a million objects. It runs in a thread, and checks no signatures.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from ansible_collections.trundle.django.benchmarks.threaded import Threaded

PAGE = 1000
# Bodies up to this size below .releases/ are kept: records and manifests are read again.
KEPT = 16 * 1024 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CREATE_ONLY = re.compile(rb"\r\nif-none-match: *\*", re.IGNORECASE)


class Hollow(Threaded):
    """made_up: so many objects of no release are listed too; requests: how many, by method."""

    def __init__(self, *, bucket: str, prefix: str, made_up: int = 0) -> None:
        super().__init__(lambda: _Connection(self))
        self.top = f"/{bucket}/"
        self.prefix = prefix
        self.made_up = made_up
        self.sizes: dict[str, int] = {}
        self.bodies: dict[str, bytes] = {}
        self.requests: Counter[str] = Counter()

    def answer(self, method: str, target: str, head: bytes, size: int, body: bytes) -> tuple[int, str | bytes]:
        """Status and body for one request; a status of 200 to a PUT carries an ETag."""
        self.requests[method] += 1
        key, query = self.key(target), parse_qs(urlsplit(target).query, keep_blank_values=True)
        if method == "GET" and "list-type" in query:
            return 200, self._page(int(query.get("continuation-token", ["0"])[0]))
        if method == "POST":
            return 200, self._multipart(key, query)
        if method == "PUT":
            return self._put(key, query, head, size, body)
        if key not in self.sizes or (method == "GET" and key not in self.bodies):
            return 404, "<Error><Code>NoSuchKey</Code></Error>"
        return 200, self.bodies.get(key, b"")

    def key(self, target: str) -> str:
        return unquote(urlsplit(target).path).removeprefix(self.top)

    def _put(
        self, key: str, query: dict[str, list[str]], head: bytes, size: int, body: bytes
    ) -> tuple[int, str | bytes]:
        if _CREATE_ONLY.search(head) and key in self.sizes:
            return 412, "<Error><Code>PreconditionFailed</Code></Error>"
        self.sizes[key] = size + (self.sizes.get(key, 0) if "partNumber" in query else 0)
        if body:
            self.bodies[key] = body
        return 200, ""

    def _multipart(self, key: str, query: dict[str, list[str]]) -> str:
        if "uploads" in query:
            self.sizes.pop(key, None)
            kind, field = "InitiateMultipartUploadResult", "<UploadId>1</UploadId>"
        else:
            kind, field = "CompleteMultipartUploadResult", "<ETag>&quot;0-1&quot;</ETag>"
        return f"<{kind}><Key>{key}</Key>{field}</{kind}>"

    def _page(self, start: int) -> str:
        """The made-up objects come first; a token is the number of the next object."""
        real = sorted(self.sizes.items())
        numbers = range(start, min(start + PAGE, self.made_up + len(real)))
        rows = (
            (f"{self.prefix}/a/{number // 1000}/{number}.js", 512)
            if number < self.made_up
            else real[number - self.made_up]
            for number in numbers
        )
        objects = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{'0' * 32}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name, size in rows
        )
        more = numbers.stop < self.made_up + len(real)
        token = f"<NextContinuationToken>{numbers.stop}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><Name>bucket</Name><Prefix>{self.prefix}</Prefix><KeyCount>{len(numbers)}</KeyCount>"
            f"<MaxKeys>{PAGE}</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}{objects}</ListBucketResult>"
        )


class _Connection(asyncio.Protocol):
    def __init__(self, server: Hollow) -> None:
        self.server = server
        self.pending = bytearray()
        self.head = b""
        self.size = self.left = 0
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.server.transports.add(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.server.transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        if self.left >= len(data) and not self.pending:
            self._take(data)
        else:
            self.pending += data
            while self.pending and self._next():
                pass

    def _next(self) -> bool:
        if self.left:
            part = bytes(self.pending[: self.left])
            del self.pending[: self.left]
            self._take(part)
            return True
        end = self.pending.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.head = bytes(self.pending[: end + 4])
        del self.pending[: end + 4]
        found = _LENGTH.search(self.head)
        self.size = self.left = int(found.group(1)) if found else 0
        if not self.left:
            self._answer()
        return True

    def _take(self, part: bytes) -> None:
        self.left -= len(part)
        if self.size <= KEPT and b"/.releases/" in self.head:
            self.body += part
        if not self.left:
            self._answer()

    def _answer(self) -> None:
        method, target = self.head.split(b" ", 2)[:2]
        status, text = self.server.answer(method.decode(), target.decode(), self.head, self.size, bytes(self.body))
        body = text if isinstance(text, bytes) else text.encode()
        length = len(body)
        if method == b"HEAD":
            length, body = self.server.sizes.get(self.server.key(target.decode()), 0), b""
        head = f'HTTP/1.1 {status} Status\r\nETag: "0"\r\nContent-Length: {length}\r\n'
        dates = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
        self.transport.write((head + dates).encode() + body)
        self.head, self.body = b"", bytearray()
