# SPDX-License-Identifier: BSD-3-Clause
"""Real servers on free ports, one of each for a test run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import server_process

PROGRAMS = {
    "memcached": ["memcached", "-l", "127.0.0.1", "-p", "{port}", "-u", "nobody", "-m", "64"],
    "redis-server": [
        *("redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--dir", "{folder}"),
        *("--save", "", "--appendonly", "no"),
    ],
}


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(program: str, folder: Path, port: int | None = None) -> Iterator[int]:
    """Start a server and yield its port; what it prints is in the folder."""
    port = port or free_port()
    command = [word.format(port=port, folder=folder) for word in PROGRAMS[program]]
    with server_process.running(command, folder / f"{program}-{port}.log", ("127.0.0.1", port)):
        yield port
