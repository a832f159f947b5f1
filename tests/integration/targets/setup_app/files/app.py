# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application of one release, over TCP and over a unix socket: FOLDER RELEASE.

FOLDER/RELEASE.port holds its port once it answers, and FOLDER/RELEASE.sock is its socket. The file
FOLDER/RELEASE.status, where there is one, holds the status of its answers under /health/. /slow/
answers after two seconds. Any other path is a file below FOLDER.
"""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, release: str, **options: Any) -> None:
        self.release = release
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        if not self.path.startswith(("/health/", "/slow/")):
            super().do_GET()
            return
        if self.path.startswith("/slow/"):
            time.sleep(2)
        forced = Path(self.directory, f"{self.release}.status")
        status = int(forced.read_text()) if forced.exists() else 200
        body = json.dumps({"release": self.release, "host": self.headers["Host"]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_args: Any) -> None:
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main(folder: Path, release: str) -> None:
    handler = partial(Handler, release=release, directory=str(folder))
    tcp = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    unix = UnixServer(str(folder / f"{release}.sock"), handler)
    threading.Thread(target=unix.serve_forever, daemon=True).start()
    (folder / f"{release}.pid").write_text(str(os.getpid()))
    ready = folder / f"{release}.new"
    ready.write_text(f"{tcp.server_address[1]}\n")
    ready.rename(folder / f"{release}.port")
    tcp.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
