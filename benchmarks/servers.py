# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that the upload measurements run against, each one empty when it starts.

rclone speaks S3 and checks signatures. nginx only stores what is PUT, for a server that costs next to nothing; what it
is asked to list, a thread of this process lists. It checks no signatures.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import boto3

BUCKET = "assets"
ACCESS_KEY, SECRET_KEY = "bench", "not-a-secret-key"
Address = tuple[str, int]

NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_max_body_size 0;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {folder}/root;
        location / {{
            dav_methods PUT;
            create_full_put_path on;
            add_header ETag '"0"' always;
            if ($request_method = GET) {{ proxy_pass http://127.0.0.1:{lister}; }}
        }}
    }}
}}
"""


@contextlib.contextmanager
def rclone(program: Path) -> Iterator[Address]:
    """An S3 server with everything in memory and one bucket."""
    port = _free_port()
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", "/dev/null"]
    with _running([str(program), "serve", "s3", *options, ":memory:"], port):
        create_bucket(f"http://127.0.0.1:{port}")
        yield "127.0.0.1", port


@contextlib.contextmanager
def nginx(program: Path) -> Iterator[Address]:
    """A server that stores objects as files, in memory where the system has a folder for it."""
    shared = Path("/dev/shm")  # noqa: S108 (the folder inside has a name of its own)
    folder = Path(tempfile.mkdtemp(prefix="trundle-bench-", dir=shared if shared.is_dir() else None))
    folder.chmod(0o755)
    port = _free_port()
    lister = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Lister,), {"root": folder / "root" / BUCKET}))
    threading.Thread(target=lister.serve_forever, daemon=True).start()
    config = NGINX.format(folder=folder, port=port, lister=lister.server_port)
    # As root its workers would be nobody, who may not write here.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(user + config, encoding="utf-8")
    (folder / "root" / BUCKET).mkdir(parents=True)
    try:
        with _running([str(program), "-p", str(folder), "-c", str(folder / "nginx.conf")], port):
            yield "127.0.0.1", port
    finally:
        lister.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def create_bucket(endpoint: str) -> None:
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name="us-east-1")
    session.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)


class _Lister(BaseHTTPRequestHandler):
    """Answers `GET /bucket?list-type=2` by what is in a folder; any other object is not there."""

    protocol_version = "HTTP/1.1"
    root: Path
    listing: Sequence[tuple[str, int]] = ()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._answer(200, self._page(query["prefix"][0], query.get("continuation-token", [""])[0]))
        else:
            self._answer(404, "<Error><Code>NoSuchKey</Code></Error>")

    def _page(self, prefix: str, after: str) -> str:
        # Pages after the first are of the listing that it began: with one for each of them the server would be slow.
        if not after:
            type(self).listing = sorted(_sizes(self.root))
        rest = [(name, size) for name, size in self.listing if name.startswith(prefix) and name > after]
        page, more = rest[:1000], len(rest) > 1000
        objects = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;0&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name, size in page
        )
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>{str(more).lower()}</IsTruncated>{token}{objects}</ListBucketResult>"
        )

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing is logged: it would be measured too."""


def _sizes(folder: Path, below: str = "") -> Iterator[tuple[str, int]]:
    """The path of each file in a folder, and its size in bytes."""
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _sizes(Path(entry.path), f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}", entry.stat().st_size


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} did not start to listen at port {port}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
