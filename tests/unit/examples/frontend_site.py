# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example with two front-end tools, as a developer has it and as a web host and a CDN serve it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from ansible_collections.trundle.django.tests.unit.plugins.module_utils import frontend_tools
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import BUILD, django_python

HOST = "127.0.0.1"
# Not in any registry that a test can count on: the checkout's own is used.
COMPANION = "django-trundle"
# What tools leave in a project, beside its sources.
LEFT = {"__pycache__", "node_modules", "static"}


@cache
def python() -> Path:
    """The interpreter of a virtualenv with the example's own requirements."""
    lines = (frontend_tools.EXAMPLE / "requirements.txt").read_text().split()
    series = next(found[1] for line in lines if (found := re.fullmatch(r"Django==(\d+\.\d+)\.\d+", line)))
    return django_python(series, tuple(line for line in lines if not line.startswith(COMPANION)))


def environment(**more: str) -> dict[str, str]:
    return {**frontend_tools.environment(), "PYTHONPATH": str(BUILD.parent / "companion" / "src"), **more}


def checkout(folder: Path) -> Path:
    """The example as git has it, without what a developer's tools have left in it."""
    shutil.copytree(frontend_tools.EXAMPLE, folder, ignore=shutil.ignore_patterns(*LEFT, "vite"))
    return folder


def sources(project: Path) -> dict[str, bytes]:
    found = (path for path in sorted(project.rglob("*")) if path.is_file())
    names = {path.relative_to(project): path for path in found}
    return {str(name): path.read_bytes() for name, path in names.items() if not LEFT & set(name.parts)}


def free_port() -> int:
    with socket.socket() as server:
        server.bind((HOST, 0))
        return int(server.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str], url: str, log: Path
) -> Iterator[None]:
    """A server, from when it answers at the URL; npm has children, so its whole group ends with it."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        ) as server,
    ):
        try:
            wait_for(url, server, log)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urlopen(url, timeout=5).close()
            return
        except HTTPError as error:
            cause = f"{error}: {error.read().decode()}"
        except (URLError, OSError) as error:
            cause = str(error)
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{url} does not answer: {cause}\n{log.read_text()}")
        time.sleep(0.1)


class Assets(SimpleHTTPRequestHandler):
    """A CDN: another origin than the site's, so modules and fonts need its permission."""

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def cdn(folder: Path, port: int) -> Iterator[None]:
    """Serve what is in a folder."""
    with ThreadingHTTPServer((HOST, port), partial(Assets, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
