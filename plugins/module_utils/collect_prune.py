# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the build cache within its bound: what was not used for the longest time goes first.

Part of the program in the project's Python: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache

DAY = 86400
# After pruning there is room for some runs.
ROOM = 0.8
FACTS_SHARE = 0.1


def prune(cache: Cache) -> int:
    """Remove what is too much; returns the bytes removed. Another build that prunes is enough."""
    if not cache.writable:
        return 0
    try:
        with open(os.path.join(cache.folder, "lock"), "a", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return prune_locked(cache)
    except OSError:
        return 0


def prune_locked(cache: Cache) -> int:
    path = os.path.join(cache.folder, "usage.json")
    usage = read_usage(path)
    size = usage["bytes"] + cache.added
    removed = 0
    # Runs that were killed have not counted what they added.
    if size > cache.bound or time.time() - usage["counted"] > DAY:
        entries = sorted(entries_of(cache.folder))
        size = sum(entry[1] for entry in entries)
        if size > cache.bound:
            removed = remove_oldest(entries, size - int(cache.bound * ROOM))
        size -= removed
        usage["counted"] = time.time()
    with open(path, "w", encoding="ascii") as stream:
        json.dump({"bytes": size, "counted": usage["counted"]}, stream)
    trim_facts(cache)
    return removed


def read_usage(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="ascii") as stream:
            usage = json.load(stream)
        return {"bytes": int(usage["bytes"]), "counted": float(usage["counted"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"bytes": 0, "counted": 0.0}


def entries_of(folder: str) -> Iterator[tuple[float, int, str]]:
    """Last use, size and path of all that is kept; leftovers of killed runs go at once."""
    for below in ("blobs", "trees"):
        for parent, _folders, names in os.walk(os.path.join(folder, below)):
            for name in names:
                path = os.path.join(parent, name)
                with contextlib.suppress(OSError):
                    status = os.stat(path)
                    # A new link to a blob, which is its use, changes the time of its inode.
                    used = status.st_ctime
                    if name.startswith(".new.") and time.time() - used > DAY:
                        os.unlink(path)
                    else:
                        yield used, status.st_size, path


def remove_oldest(entries: list[tuple[float, int, str]], excess: int) -> int:
    removed = 0
    for _used, size, path in entries:
        if removed >= excess:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            removed += size
    return removed


def trim_facts(cache: Cache) -> None:
    """Begin the log anew when it is large: its facts are found out again, once."""
    path = os.path.join(cache.folder, "facts.log")
    with contextlib.suppress(OSError):
        if os.stat(path).st_size > max(cache.bound * FACTS_SHARE, 1 << 16):
            os.unlink(path)
