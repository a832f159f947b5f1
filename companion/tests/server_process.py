# SPDX-License-Identifier: BSD-3-Clause
"""A server of the tests' own, as long as it is needed."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Union

# What a client connects to: host and port, or the path of a socket.
Address = Union[tuple[str, int], str]


@contextmanager
def running(
    command: list[str], log: Path, address: Address, *, end: signal.Signals = signal.SIGTERM, **how: Any
) -> Iterator[None]:
    """Start a server that writes into the log, wait until it answers, and end it."""
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(command, stdout=output, stderr=output, **how)
        except FileNotFoundError:
            raise RuntimeError(
                f"{command[0]} is not installed. `make setup` installs it from Debian's package."
            ) from None
    try:
        deadline = time.monotonic() + 60
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer at {address}:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(end)
        process.wait(60)


def _answers(address: Address) -> bool:
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as client:
        return client.connect_ex(address) == 0
