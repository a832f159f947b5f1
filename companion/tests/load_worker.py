# SPDX-License-Identifier: BSD-3-Clause
"""One process of the load test: load_worker.py NUMBER REDIS_PORT FOLDER SECONDS

Each write of a key has a number one higher than the write before; a deletion has one too. Each key is written by one
thread of all processes, and read by all. When a write is complete its number is put into a file that all processes map.
"""

from __future__ import annotations

import json
import mmap
import random
import struct
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

PROCESSES, THREADS, KEYS = 4, 8, 64
CAP = 1
PAUSE = 0.02
"""Seconds between two steps of a thread, for the load to be the same on any machine and to leave room beside it."""
NUMBERS = struct.Struct(f"={KEYS}q")


def configure(port: int) -> None:
    import django
    from django.conf import settings

    settings.configure(
        CACHES={
            "default": {
                "BACKEND": "trundle.cache.ChainedCache",
                "LOCATION": ["local", "redis"],
                "OPTIONS": {"caps": {"local": CAP}},
            },
            "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 1000}},
            "redis": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": f"redis://127.0.0.1:{port}",
            },
        }
    )
    django.setup()


class Worker:
    """What one thread does and sees."""

    def __init__(self, number: int, latest: mmap.mmap) -> None:
        from django.core.cache import caches

        self.cache = caches["default"]
        self.random = random.Random(number)
        self.number = number
        self.latest = latest
        self.own = [key for key in range(KEYS) if key % (PROCESSES * THREADS) == number]
        self.written = dict.fromkeys(self.own, 0)
        self.completed: list[tuple[int, int, float, int]] = []
        """Key, number, when the write was complete, and the time to live."""
        self.stale: dict[tuple[int, int], float] = {}
        """When a value was last seen that was known to be replaced, by key and number."""
        self.late: dict[tuple[int, int], float] = {}
        """When a value was last seen that should have expired by the clock of its writer, by key and number."""
        self.counted: Counter[str] = Counter()
        self.won: list[str] = []
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        name = self.random.choices(("read", "read_many", "write", "count", "lock"), (70, 10, 8, 6, 6))[0]
        getattr(self, name)()
        self.done[name] += 1

    def read(self) -> None:
        key = self.random.randrange(KEYS)
        known, now = self._known(), time.time()
        self._see(key, self.cache.get(f"key-{key}"), known, now)

    def read_many(self) -> None:
        keys = self.random.sample(range(KEYS), 8)
        known, now = self._known(), time.time()
        found = self.cache.get_many([f"key-{key}" for key in keys])
        for key in keys:
            self._see(key, found.get(f"key-{key}"), known, now)

    def _known(self) -> tuple[int, ...]:
        return NUMBERS.unpack(self.latest[: NUMBERS.size])

    def _see(self, key: int, value: Any, known: tuple[int, ...], now: float) -> None:
        if value is None:
            return
        number, expires = value
        if number < known[key]:
            self.stale[key, number] = now
        if now > expires:
            self.late[key, number] = now

    def write(self) -> None:
        key = self.random.choice(self.own)
        name, number, seconds = f"key-{key}", self.written[key] + 1, self.random.choice((2, 3, 20))
        value = (number, time.time() + seconds)
        how = self.random.choices(("set", "set_many", "delete", "add"), (5, 2, 1, 1))[0]
        if how == "set":
            self.cache.set(name, value, seconds)
        elif how == "set_many":
            assert self.cache.set_many({name: value}, seconds) == []
        elif how == "delete":
            self.cache.delete(name)
        elif not self.cache.add(name, value, seconds):
            return
        self.written[key] = number
        self.completed.append((key, number, time.time(), seconds))
        struct.pack_into("=q", self.latest, 8 * key, number)

    def count(self) -> None:
        name = f"count-{self.random.randrange(4)}"
        self.cache.add(name, 0, None)
        total = self.cache.incr(name)
        self.counted[name] += 1
        # A counter is never served from a copy.
        assert self.cache.get(name) >= total

    def lock(self) -> None:
        name = f"lock-{int(time.time() * 20)}"
        if self.cache.add(name, self.number, 10):
            self.won.append(name)


def run(worker_number: int, latest: mmap.mmap, end: float, report: dict[str, Any]) -> None:
    try:
        # Made here: each thread has its own connections.
        worker = Worker(worker_number, latest)
        while time.time() < end:
            worker.step()
            time.sleep(PAUSE)
    except Exception:
        report["errors"].append(traceback.format_exc())
        return
    report["workers"].append(
        {
            "completed": worker.completed,
            "stale": [[*which, seen] for which, seen in worker.stale.items()],
            "late": [[*which, seen] for which, seen in worker.late.items()],
            "counted": worker.counted,
            "won": worker.won,
            "done": worker.done,
        }
    )


def main(number: int, port: int, folder: Path, seconds: float) -> None:
    configure(port)
    from django.core.cache import caches

    report: dict[str, Any] = {"errors": [], "workers": []}
    with (folder / "latest").open("r+b") as file, mmap.mmap(file.fileno(), NUMBERS.size) as latest:
        end = time.time() + seconds
        threads = [
            threading.Thread(target=run, args=(number * THREADS + place, latest, end, report))
            for place in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counters = caches["default"].counters()
    report["hits"], report["failures"] = counters.hits, counters.failures
    (folder / f"{number}.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
