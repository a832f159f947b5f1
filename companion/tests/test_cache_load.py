# SPDX-License-Identifier: BSD-3-Clause
"""Half a minute of load: four processes with eight threads each, over LocMemCache and a real Redis."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisCache

import cache_servers
from load_worker import CAP, KEYS, NUMBERS, PROCESSES, THREADS

HERE = Path(__file__).parent
SECONDS = 30


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with cache_servers.running("redis-server", tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(scope="module")
def reports(redis_port: int, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("load")
    (folder / "latest").write_bytes(NUMBERS.pack(*[0] * KEYS))
    env = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    program = [sys.executable, "-W", "error", str(HERE / "load_worker.py")]
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen([*program, str(number), str(redis_port), str(folder), str(SECONDS)], env=env)
            )
            for number in range(PROCESSES)
        ]
        stack.callback(lambda: [process.kill() for process in processes])
        # More time than any machine needs to start them: who hangs is found, who is slow is not blamed.
        assert [process.wait(SECONDS + 270) for process in processes] == [0] * PROCESSES
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(PROCESSES)]


@pytest.mark.skipif(
    os.environ.get("COMPANION_LOAD") != "1", reason="takes half a minute: once, on the newest Django, is enough"
)
def test_no_error_and_no_stale_value_older_than_the_cap(reports: list[dict[str, Any]], redis_port: int) -> None:
    assert [error for report in reports for error in report["errors"]] == []
    assert [report["failures"] for report in reports] == [{"local": 0, "redis": 0}] * PROCESSES
    workers = [worker for report in reports for worker in report["workers"]]
    assert len(workers) == PROCESSES * THREADS
    writes = [write for worker in workers for write in worker["completed"]]
    completed = {(key, number): at for key, number, at, _until in writes}
    expires = {(key, number): at + seconds for key, number, at, seconds in writes}
    ages = [seen - completed[key, number + 1] for worker in workers for key, number, seen in worker["stale"]]
    # There must be some, or the load is not one that could find anything.
    assert len(ages) > 100
    assert max(ages) <= CAP
    late = [seen - expires[key, number] for worker in workers for key, number, seen in worker["late"]]
    # Redis keeps the time in steps.
    assert max(late, default=0) < 0.1
    done = sum((Counter(worker["done"]) for worker in workers), Counter[str]())
    assert min(done.values()) > 1000
    assert min(report["hits"]["local"] for report in reports) > 1000
    won = [name for worker in workers for name in worker["won"]]
    assert len(won) == len(set(won)) > 100
    counted = sum((Counter(worker["counted"]) for worker in workers), Counter[str]())
    redis = RedisCache(f"redis://127.0.0.1:{redis_port}", {})
    assert redis.get_many([f":1:{name}" for name in counted]) == {f":1:{name}": n for name, n in counted.items()}
    redis._cache.get_client().connection_pool.disconnect()
