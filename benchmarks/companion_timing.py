# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured process of companion.py, in a Python that has Django: ``companion_timing.py load|url|cache FOLDER ...``

Prints JSON. Ours and the peer's are timed in turn, in one process; only what a manifest costs in memory needs one each.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STATIC_URL = "https://cdn.example.com/static/"
PAGE = os.sysconf("SC_PAGE_SIZE")
ROUNDS, KEYS = 20, 1000
# As an object of a page would be.
VALUE = {"id": 7, "name": "A name of some length", "tags": ["one", "two", "three"], "text": "x" * 300}
BACKENDS = {
    "locmem": "django.core.cache.backends.locmem.LocMemCache",
    "filebased": "django.core.cache.backends.filebased.FileBasedCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
}


def configure(**settings_: Any) -> None:
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.staticfiles"], STATIC_URL=STATIC_URL, DEBUG=False, USE_TZ=True, **settings_
    )
    django.setup()


def storage(kind: str, folder: Path) -> Any:
    """With its manifest loaded."""
    if kind == "ours":
        from trundle.storage import ReleaseStaticFilesStorage

        return ReleaseStaticFilesStorage(location=str(folder / "root"), manifest=folder / "staticfiles.json")
    from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
    from django.core.files.storage import FileSystemStorage

    return ManifestStaticFilesStorage(
        location=str(folder / "root"), manifest_storage=FileSystemStorage(location=str(folder))
    )


def load(folder: Path, kind: str) -> dict[str, float]:
    """Seconds and megabytes for one manifest, in a process of its own."""
    configure()
    # What both need is imported before.
    storage("peer", folder / "empty")
    storage("ours", folder / "empty")
    gc.collect()
    before = _resident()
    started = time.perf_counter()
    made = storage(kind, folder)
    seconds = time.perf_counter() - started
    made.url(next(iter(made.hashed_files)))
    gc.collect()
    return {"seconds": seconds, "megabytes": (_resident() - before) / 1e6}


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def url(folder: Path) -> dict[str, list[float]]:
    """Seconds for the URLs of all names of the manifest."""
    configure()
    ours, peer = storage("ours", folder), storage("peer", folder)
    names = list(peer.hashed_files)
    random.Random(1).shuffle(names)
    assert [ours.url(name) for name in names] == [peer.url(name) for name in names]
    return in_turn(lambda: timed(ours.url, names), lambda: timed(peer.url, names))


def cache(folder: Path, kind: str) -> dict[str, dict[str, list[float]]]:
    """Seconds for as many gets as there are keys: chains of LocMemCache and a peer, against that peer alone."""
    with location(folder, kind) as place:
        # Entries of their own for the chain and for the cache alone, which is what first hits are compared with too.
        alone: dict[str, Any] = {"BACKEND": BACKENDS[kind], "LOCATION": place, "TIMEOUT": None, "OPTIONS": {}}
        first = {"BACKEND": BACKENDS["locmem"], "LOCATION": "first", "OPTIONS": {"MAX_ENTRIES": 10 * KEYS}}
        if kind != "redis":
            alone["OPTIONS"] = {"MAX_ENTRIES": 10 * KEYS}
        chain = {
            "BACKEND": "trundle.cache.ChainedCache",
            "LOCATION": ["first", "alone"],
            "TIMEOUT": None,
            "OPTIONS": {"caps": {"first": 3600}},
        }
        configure(CACHES={"default": chain, "first": first, "alone": alone})
        return _cases()


def _cases() -> dict[str, dict[str, list[float]]]:
    from django.core.cache import caches

    chain, first, alone = caches["default"], caches["first"], caches["alone"]
    keys = [f"shop:object:{number}" for number in range(KEYS)]
    missing = [f"shop:missing:{number}" for number in range(KEYS)]
    for key in keys:
        chain.set(key, VALUE)
        alone.set(key, VALUE)

    def second_hit() -> float:
        first.clear()
        return timed(chain.get, keys)

    before = chain.counters()
    found = {
        "cache-second-hit": in_turn(second_hit, lambda: timed(alone.get, keys)),
        "cache-first-hit": in_turn(lambda: timed(chain.get, keys), lambda: timed(alone.get, keys)),
        "cache-miss": in_turn(lambda: timed(chain.get, missing), lambda: timed(alone.get, missing)),
    }
    after = chain.counters()
    # What was measured is what it is called.
    assert [after.hits[name] - before.hits[name] for name in ("first", "alone")] == [(ROUNDS + 1) * KEYS] * 2
    assert after.misses - before.misses == (ROUNDS + 1) * KEYS
    assert chain.get(keys[0]) == alone.get(keys[0]) == VALUE
    return found


@contextmanager
def location(folder: Path, kind: str) -> Iterator[str]:
    if kind != "redis":
        yield str(folder / kind)
        return
    import cache_servers

    with cache_servers.running("redis-server", folder) as port:
        yield f"redis://127.0.0.1:{port}"


def timed(call: Callable[[str], Any], names: Sequence[str]) -> float:
    started = time.perf_counter()
    for name in names:
        call(name)
    return time.perf_counter() - started


def in_turn(ours: Callable[[], float], peer: Callable[[], float]) -> dict[str, list[float]]:
    """One round to get warm, then the others; the garbage collector does not come in between."""
    found: dict[str, list[float]] = {"ours": [], "peer": []}
    pairs = [("ours", ours), ("peer", peer)]
    gc.disable()
    for number in range(ROUNDS + 1):
        # Who comes second finds the names in the processor's cache.
        for name, run in pairs if number % 2 else pairs[::-1]:
            seconds = run()
            if number:
                found[name].append(seconds)
        gc.collect()
    gc.enable()
    return found


def main() -> None:
    what, folder, *rest = sys.argv[1:]
    timings: dict[str, Callable[..., Any]] = {"load": load, "url": url, "cache": cache}
    answer = timings[what](Path(folder), *rest)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
