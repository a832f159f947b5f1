# SPDX-License-Identifier: BSD-3-Clause
"""How often each cache of a chain had the answer, in this process."""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Counters:
    """Counts since the start of the process, by the names of the caches, the first one first."""

    hits: dict[str, int]
    misses: int
    failures: dict[str, int]


class Row:
    """The counts of one thread, who alone writes them: so they need no lock."""

    __slots__ = ("__weakref__", "numbers", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.numbers = [0] * (2 * size + 1)

    def hit(self, level: int) -> None:
        self.numbers[level] += 1

    def miss(self) -> None:
        self.numbers[self.size] += 1

    def failure(self, level: int) -> None:
        self.numbers[self.size + 1 + level] += 1


class Tally:
    """The counts of all threads, also of those that have ended."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._lock = Lock()
        self._numbers: list[list[int]] = [[0] * (2 * len(names) + 1)]
        # Filled by the garbage collector, at any moment: nothing may be locked there.
        self._ended: deque[list[int]] = deque()

    def open(self) -> Row:
        row = Row(len(self.names))
        weakref.finalize(row, self._ended.append, row.numbers).atexit = False
        with self._lock:
            self._fold()
            self._numbers.append(row.numbers)
        return row

    def read(self) -> Counters:
        with self._lock:
            self._fold()
            sums = [sum(column) for column in zip(*self._numbers)]
        size = len(self.names)
        return Counters(
            hits=dict(zip(self.names, sums[:size])),
            misses=sums[size],
            failures=dict(zip(self.names, sums[size + 1 :])),
        )

    def _fold(self) -> None:
        """Keep one row for all threads that have ended."""
        total = self._numbers[0]
        while self._ended:
            ended = self._ended.popleft()
            self._numbers = [row for row in self._numbers if row is not ended]
            total[:] = map(sum, zip(total, ended))
