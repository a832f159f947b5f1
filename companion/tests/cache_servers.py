# SPDX-License-Identifier: BSD-3-Clause
"""Real servers on free ports, one of each for a test run."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

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
    log = folder / f"{program}-{port}.log"
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            raise RuntimeError(f"{program} is not installed. `make setup` installs it from Debian's package.") from None
        try:
            _wait(process, port, log)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with closing(socket.socket()) as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} does not answer on port {port}:\n{log.read_text(errors='replace')}")
