# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application of one release, at the socket that systemd hands over: RELEASE FOLDER.

It takes a second to boot. SIGTERM lets requests in flight end, /slow takes three seconds. FOLDER/life tells when each
release began and when it ended.
"""

from __future__ import annotations

import http.server
import signal
import socket
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

RELEASE, FOLDER = sys.argv[1], Path(sys.argv[2])


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(200)
        self.send_header("X-Release", RELEASE)
        self.end_headers()
        self.wfile.write(RELEASE.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_args: Any) -> None:
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Threads are waited for at the end."""

    def __init__(self) -> None:
        super().__init__("", Page, bind_and_activate=False)
        self.socket = socket.socket(fileno=3)


def note(text: str) -> None:
    with (FOLDER / "life").open("a") as life:
        life.write(f"{RELEASE} {text}\n")


note("begins")
time.sleep(1)
with Server() as server:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
note("ended")
