# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what the traffic generator sees, and writes it as JSON."""

from __future__ import annotations

import json
import math
import os
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from load_page import Asset, Manifests

KEPT_FAILURES = 50


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def percentile(ordered: list[float], share: float) -> float:
    """Nearest-rank percentile of an ordered list; 0 when it is empty."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Tally:
    """All that happened. Times are seconds since the epoch."""

    def __init__(self, manifests: Manifests) -> None:
        self.manifests = manifests
        self.requests = self.failed = self.mixed = self.asset_404 = self.assets = self.asset_failed = 0
        self.posts = self.fresh = 0
        self.late_ms = 0.0
        self.by_release: Counter[str] = Counter()
        self._kept: list[dict[str, Any]] = []
        self._mixed_kept: list[dict[str, Any]] = []
        self._latencies: list[float] = []
        self._asset_latencies: list[float] = []
        self._seconds: dict[int, dict[str, Any]] = {}
        self._unjudged: Counter[tuple[str, frozenset[Asset]]] = Counter()
        self._started = time.time()
        self._first: float | None = None
        self._last: float | None = None

    def request(self, at: float, ms: float, url: str, *, release: str | None = None, cause: str | None = None) -> None:
        """Count one page or form that was due at *at* and was answered, or given up, *ms* later."""
        self.requests += 1
        self._latencies.append(ms)
        second = self._second(at)
        second["requests"] += 1
        second["max_ms"] = max(second["max_ms"], round(ms, 1))
        self._first = at if self._first is None else min(self._first, at)
        self._last = at if self._last is None else max(self._last, at)
        if release:
            self.by_release[release] += 1
            second["by_release"][release] = second["by_release"].get(release, 0) + 1
        if cause:
            self._fail(at, url, cause)

    def asset(self, at: float, ms: float, url: str, *, status: int | None = None, cause: str | None = None) -> None:
        self.assets += 1
        self._asset_latencies.append(ms)
        self.asset_404 += status == 404
        if cause:
            self.asset_failed += 1
            self._fail(at, url, cause)

    def judge(self, at: float, url: str, release: str, assets: frozenset[Asset]) -> None:
        """Is every asset that the page names one of the page's own release?"""
        foreign = self.manifests.foreign(release, assets)
        if foreign is None:
            self._unjudged[release, assets] += 1
        elif foreign:
            self._mix(1, {"time": iso(at), "url": url, "release": release, "foreign": foreign[:5]})

    def judge_late(self) -> None:
        """Judge the pages whose release's manifest was not there when they came."""
        for (release, assets), pages in list(self._unjudged.items()):
            foreign = self.manifests.foreign(release, assets)
            if foreign is None:
                continue
            del self._unjudged[release, assets]
            if foreign:
                self._mix(pages, {"pages": pages, "release": release, "foreign": foreign[:5]})

    def result(self, *, running: bool) -> dict[str, Any]:
        ordered, assets = sorted(self._latencies), sorted(self._asset_latencies)
        return {
            "running": running,
            "requests": self.requests,
            "failed": self.failed,
            "failures": self._kept,
            "mixed": self.mixed,
            "mixed_pages": self._mixed_kept,
            "unjudged": sum(self._unjudged.values()),
            "assets": self.assets,
            "asset_404": self.asset_404,
            "asset_failed": self.asset_failed,
            "posts": self.posts,
            "fresh_connections": self.fresh,
            "max_ms": round(ordered[-1], 1) if ordered else 0.0,
            "p50_ms": round(percentile(ordered, 0.50), 1),
            "p99_ms": round(percentile(ordered, 0.99), 1),
            "asset_max_ms": round(assets[-1], 1) if assets else 0.0,
            "by_release": dict(sorted(self.by_release.items())),
            "first": iso(self._first) if self._first else None,
            "last": iso(self._last) if self._last else None,
            "seconds": round(time.time() - self._started, 1),
            "cpu_seconds": round(time.process_time(), 1),
            "late_ms": round(self.late_ms, 1),
            "timeline": [{"time": iso(second), **seen} for second, seen in sorted(self._seconds.items())],
        }

    def write(self, path: Path, *, running: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(json.dumps(self.result(running=running), indent=1) + "\n")
        beside.replace(path)

    def line(self) -> str:
        releases = "  ".join(f"{release} {pages}" for release, pages in sorted(self.by_release.items()))
        slowest = max(self._latencies, default=0.0)
        return (
            f"{time.time() - self._started:4.0f} s  {self.requests} requests  {self.failed} failed  "
            f"{self.mixed} mixed  slowest {slowest:.0f} ms  {releases}"
        )

    def _second(self, at: float) -> dict[str, Any]:
        return self._seconds.setdefault(int(at), {"requests": 0, "failed": 0, "max_ms": 0.0, "by_release": {}})

    def _fail(self, at: float, url: str, cause: str) -> None:
        self.failed += 1
        self._second(at)["failed"] += 1
        if len(self._kept) < KEPT_FAILURES:
            self._kept.append({"time": iso(at), "url": url, "cause": cause})

    def _mix(self, pages: int, entry: dict[str, Any]) -> None:
        self.mixed += pages
        if len(self._mixed_kept) < KEPT_FAILURES:
            self._mixed_kept.append(entry)
