# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of faults share: faults by a seeded chance, modules that can be killed, and what must hold after them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.trundle.django.benchmarks.proxy import FAULTS, Fault, Proxy, Request
from ansible_collections.trundle.django.plugins.module_utils.store import Store
from ansible_collections.trundle.django.plugins.module_utils.transfer import Package
from ansible_collections.trundle.django.plugins.module_utils.verify import verify

# More for a long search: TRUNDLE_FAULT_RUNS=200.
RUNS = int(os.environ.get("TRUNDLE_FAULT_RUNS", "20"))
SHARE = 0.05
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
MODULES = "ansible_collections.trundle.django.plugins.modules"

Answer = TypeVar("Answer")


def by_chance(seed: int, faults: tuple[Fault, ...] = FAULTS, share: float = SHARE) -> Callable[[Request], Fault | None]:
    chance = random.Random(seed)
    return lambda _request: chance.choice(faults) if chance.random() < share else None


def assert_whole(store: Store, package: Package) -> None:
    """Every byte and header of the release is in the store."""
    assert verify(store, package.record, headers="all", sample_size=0, concurrency=8).problems == ()
    for key in package.record.files:
        assert store.get(key) == package.path(key).read_bytes(), key


def at_once(*attempts: Callable[[], Answer]) -> list[Answer]:
    barrier = threading.Barrier(len(attempts))

    def run(attempt: Callable[[], Answer]) -> Answer:
        barrier.wait()
        return attempt()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(run, attempts))


class Killable:
    """A module in a process of its own, which can be killed at a certain request."""

    def __init__(self, module: str, options: dict[str, Any], proxy: Proxy | None, folder: Path) -> None:
        given = {name: value for name, value in options.items() if value is not None}
        self.module = module
        self.arguments = folder / f"{module}.json"
        if proxy:
            given["endpoint_url"] = proxy.endpoint
        self.arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
        self.proxy = proxy
        self.process: subprocess.Popen[bytes] | None = None
        self.output = b""

    def kill_at(self, number: int) -> None:
        self.watch(lambda request: self.kill() if request.number == number else None)

    def watch(self, see: Callable[[Request], None]) -> None:
        """Let this see each request before the server does."""
        assert self.proxy
        self.proxy.reset(see)

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    def run(self) -> int:
        command = [sys.executable, "-m", f"{MODULES}.{self.module}", str(self.arguments)]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            self.process = process
            self.output = process.communicate()[0]
        return process.returncode
