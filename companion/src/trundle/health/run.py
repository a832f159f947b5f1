# SPDX-License-Identifier: BSD-3-Clause
"""Runs checks, each in a thread of its own, so that one that hangs costs its timeout and nothing more."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.core.signals import setting_changed

from trundle.health.checks import Check, CheckFailed
from trundle.health.conf import Config, read_config

logger = logging.getLogger("trundle.health")

# After so many timeouts a hanging attempt is left to itself and another is made.
GIVE_UP_AFTER = 10


@dataclass(frozen=True)
class Outcome:
    error: str | None
    seconds: float
    tolerated: bool = False

    @property
    def status(self) -> str:
        if self.error is None:
            return "ok"
        return "warning" if self.tolerated else "error"

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": self.status, "seconds": round(self.seconds, 3)}
        if self.error is not None:
            answer["error"] = self.error
        return answer


class Attempt:
    """One run of a check. Everybody who asks while it runs waits for this one."""

    def __init__(self, check: Check, known: str | None = None) -> None:
        """`known` is the failure that was logged last: one that goes on is not logged with each probe."""
        self.check = check
        self.known = known
        self.started = time.monotonic()
        self.ended: float | None = None
        self.error: str | None = None
        self._done = threading.Event()
        # A daemon, so that a check that hangs does not keep a worker from stopping.
        threading.Thread(target=self._run, name=f"trundle-health-{check.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            result = self.check.run()
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except CheckFailed as exc:
            self.error = str(exc)
            level = logging.DEBUG if self.error == self.known else logging.WARNING
            logger.log(level, "Check %s: %s", self.check.name, exc, exc_info=exc.__cause__)
        except Exception:
            self.error = "unknown"
            logger.exception("Check %s failed in a way that it does not expect", self.check.name)
        finally:
            self.ended = time.monotonic()
            self._done.set()

    def wait(self, timeout: float) -> Outcome:
        if not self._done.wait(max(0.0, self.started + timeout - time.monotonic())) or self.ended is None:
            return Outcome(f"timed out after {timeout:g} s", time.monotonic() - self.started)
        return Outcome(self.error, self.ended - self.started)


class Runner:
    """A check with its latest attempt, shared by all threads of the process."""

    def __init__(self, check: Check, config: Config) -> None:
        self.check = check
        self.config = config
        self.timeout = config.timeout if check.timeout is None else check.timeout
        self.reuse = config.reuse if check.reuse is None else check.reuse
        self._lock = threading.Lock()
        self._attempt: Attempt | None = None
        self._last_ok: float | None = None

    def begin(self) -> Attempt:
        """The attempt under way, or a fresh enough one, or a new one: that bounds the load that probes make."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or self._is_stale(attempt):
                known = None if attempt is None else attempt.error
                attempt = self._attempt = Attempt(self.check, known)
            return attempt

    def _is_stale(self, attempt: Attempt) -> bool:
        now = time.monotonic()
        if attempt.ended is None:
            return now - attempt.started > GIVE_UP_AFTER * self.timeout
        return now - attempt.ended >= self.reuse

    def finish(self, attempt: Attempt, *, tolerant: bool) -> Outcome:
        outcome = attempt.wait(self.timeout)
        now = time.monotonic()
        if outcome.error is None:
            self._last_ok = now
            return outcome
        lately_ok = self._last_ok is not None and now - self._last_ok < self.config.grace
        tolerated = self.check.warning or (tolerant and self.check.shared and lately_ok)
        return replace(outcome, tolerated=tolerated)


@cache
def _runners() -> list[Runner]:
    config = read_config()
    return [Runner(check, config) for check in config.checks]


def run_checks(*, tolerant: bool) -> dict[str, Outcome]:
    """All checks side by side. Tolerant: a short failure of what all hosts share is only a warning."""
    begun = [(runner, runner.begin()) for runner in _runners()]
    return {runner.check.name: runner.finish(attempt, tolerant=tolerant) for runner, attempt in begun}


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "TRUNDLE_HEALTH":
        _runners.cache_clear()


setting_changed.connect(_forget)
