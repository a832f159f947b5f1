# SPDX-License-Identifier: BSD-3-Clause
"""Which keys are being written by this process.

A thread that has read a value from the last cache may be late to copy it: another one may have written a new value in
the meantime, and its copy must not be covered by the old one. So whoever makes a copy looks afterwards whether a write
of the key was under way, and takes the copy back if so. Nothing waits for another cache under a lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

STRIPES = 256


class Stripe:
    """The writes of all keys that have the same place; those of another key do no harm but a copy taken back."""

    __slots__ = ("lock", "running", "started")

    def __init__(self) -> None:
        self.lock = Lock()
        self.running = 0
        self.started = 0

    def look(self) -> int | None:
        """The number of writes so far; None while one is running."""
        with self.lock:
            return None if self.running else self.started

    def begin(self) -> int | None:
        """Begin a write. Returns its number; None when another one is running."""
        with self.lock:
            self.running += 1
            self.started += 1
            return self.started if self.running == 1 else None

    def end(self) -> None:
        with self.lock:
            self.running -= 1


class Watch:
    """One read or write of some keys."""

    __slots__ = ("_numbers", "_stripes")

    def __init__(self, stripes: Iterable[Stripe], *, write: bool) -> None:
        self._stripes = list(stripes)
        self._numbers = [stripe.begin() if write else stripe.look() for stripe in self._stripes]

    def alone(self) -> bool:
        """Whether no other write of these keys was under way since."""
        return all(
            number is not None and number == stripe.started for number, stripe in zip(self._numbers, self._stripes)
        )

    def end(self) -> None:
        for stripe in self._stripes:
            stripe.end()


class Writes:
    """The writes of one chain of caches in this process."""

    def __init__(self) -> None:
        self._stripes = [Stripe() for _number in range(STRIPES)]

    def read(self, keys: Iterable[str]) -> Watch:
        return Watch(self._of(keys), write=False)

    def write(self, keys: Iterable[str] | None) -> Watch:
        """None stands for all keys."""
        return Watch(self._stripes if keys is None else self._of(keys), write=True)

    def _of(self, keys: Iterable[str]) -> list[Stripe]:
        return [self._stripes[place] for place in {hash(key) % STRIPES for key in keys}]
