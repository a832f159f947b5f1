# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors of the site behind nginx, 50 each second, and two that take long: SOCKET OUT.

They come until OUT.end is there. OUT holds how many answers came from which release, what those that took long were,
and what went wrong.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

SOCKET, OUT = sys.argv[1], Path(sys.argv[2])


class Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(SOCKET)


class Visitors:
    def __init__(self) -> None:
        self.releases: Counter[str] = Counter()
        self.long: dict[str, str] = {}
        self.wrong: list[str] = []
        self.longest = 0.0
        self.threads: list[threading.Thread] = []

    def visit(self, path: str, body: bytes) -> None:
        begun = time.monotonic()
        connection = Connection("site")
        try:
            connection.putrequest("POST" if body else "GET", path)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            for byte in body:
                time.sleep(0.3)
                connection.send(bytes([byte]))
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                self.wrong.append(f"{path}: {answer.status}")
            self.releases[text] += 1
            if path != "/":
                self.long[path] = text
        except OSError as exc:
            self.wrong.append(f"{path}: {exc}")
        finally:
            connection.close()
        if path == "/":
            self.longest = max(self.longest, time.monotonic() - begun)

    def send(self, path: str, body: bytes = b"") -> None:
        self.threads.append(threading.Thread(target=self.visit, args=(path, body)))
        self.threads[-1].start()


visitors = Visitors()
visitors.send("/slow")
visitors.send("/form", b"0123456789")
while not OUT.with_suffix(".end").exists():
    visitors.send("/")
    time.sleep(0.02)
for thread in visitors.threads:
    thread.join()
seen = {name: getattr(visitors, name) for name in ("releases", "wrong", "longest", "long")}
OUT.write_text(json.dumps(seen) + "\n")
