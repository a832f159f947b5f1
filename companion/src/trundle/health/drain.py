# SPDX-License-Identifier: BSD-3-Clause
"""The drain mark, which a deploy sets in TRUNDLE_ROOT/state.json."""

from __future__ import annotations

import json
import logging
import os
import time
from functools import lru_cache
from pathlib import Path

from django.http import HttpRequest

from trundle.errors import ReleaseError
from trundle.release import SCHEMA

logger = logging.getLogger("trundle.health")

# Seconds between two looks at the file.
INTERVAL = 0.5


def state_path() -> Path | None:
    root = os.environ.get("TRUNDLE_ROOT")
    return Path(root, "state.json") if root else None


def read_draining(path: Path) -> bool:
    """Raises ReleaseError for what is there but cannot be understood."""
    try:
        state = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as exc:
        raise ReleaseError(
            f"Failed to read the state {path}: {exc}. The user of this process must be able to."
        ) from exc
    schema = state.get("schema") if isinstance(state, dict) else None
    # True would equal 1.
    if not isinstance(schema, int) or isinstance(schema, bool) or schema != SCHEMA:
        raise ReleaseError(f"The state {path} has an unknown schema; known is {SCHEMA}. Upgrade django-trundle.")
    return state.get("draining") is True


class DrainMark:
    """Follows one file; two threads that look at the same time do the same work twice, and no harm."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.draining = False
        self._looked: float | None = None
        self._seen: tuple[int, int, int] | None = None

    def look(self) -> bool:
        now = time.monotonic()
        if self._looked is None or now - self._looked >= INTERVAL:
            self._look()
            self._looked = now
        return self.draining

    def _look(self) -> None:
        try:
            stat = self.path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            # Read it all the same: what is wrong shows there.
            seen = None
        if seen is not None and seen == self._seen:
            return
        try:
            self.draining = read_draining(self.path)
        except ReleaseError as exc:
            # An answer that was right a moment ago is better than a guess.
            logger.error("%s The drain mark stays %s.", exc, "set" if self.draining else "unset")
        self._seen = seen


_mark_of = lru_cache(maxsize=1)(DrainMark)


def is_draining() -> bool:
    path = state_path()
    return path is not None and _mark_of(path).look()


def is_ignored(request: HttpRequest) -> bool:
    """Does who asks want to know of the application itself? A deploy does, before it puts the host back."""
    return request.headers.get("X-Trundle-Drain") == "ignore"
