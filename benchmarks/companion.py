# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure django-trundle beside what Django itself has: ``make bench-companion``.

The manifest of a release with 20,000 names and its URLs against Django's own storage, and chains of caches against the
single caches.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks import measure
from ansible_collections.trundle.django.benchmarks.collect import BENCH, ROOT, virtualenv

RESULTS = BENCH / "companion.json"
NAMES = 20_000
CACHES = ("locmem", "filebased", "redis")
# What ours may take of the peer's time, by case and peer.
LIMITS = {("url", "stock-django"): 1.0, ("cache-first-hit", "locmem"): 2.0}
# And what it may take by itself, in seconds.
LOAD_SECONDS = 0.05


@dataclass
class Case:
    """The runs of ours and of one peer: seconds for `operations` of them."""

    name: str
    peer: str
    ours: Sequence[float]
    peers: Sequence[float]
    operations: int = 1
    megabytes: tuple[float, float] | None = None

    def result(self) -> dict[str, Any]:
        ours, peer = statistics.median(self.ours), statistics.median(self.peers)
        found: dict[str, Any] = {
            "case": self.name,
            "peer": self.peer,
            "ours_s": round(ours, 6),
            "peer_s": round(peer, 6),
            "ratio": round(ours / peer, 4),
            "runs": len(self.ours),
        }
        if self.megabytes is not None:
            found["ours_mb"], found["peer_mb"] = (round(number, 1) for number in self.megabytes)
        if self.operations > 1:
            found["ours_per_s"], found["peer_per_s"] = round(self.operations / ours), round(self.operations / peer)
        return found


def release(folder: Path) -> None:
    """A release's folder as on a host: the manifest and, beside it, the record with all files."""
    paths, files = {}, {}
    for number in range(NAMES):
        name = f"app{number % 40}/assets/icons/image-{number}.svg"
        content = hashlib.sha256(name.encode()).hexdigest()
        paths[name] = hashed = f"{name[:-4]}.{content[:12]}.svg"
        for suffix in ("", ".br"):
            files[hashed + suffix] = {
                "size": 1000 + number,
                "sha256": content,
                "content_type": "image/svg+xml",
                "cache_control": "public, max-age=31536000, immutable",
                "content_encoding": "br" if suffix else None,
            }
    folder.mkdir(parents=True)
    manifest = json.dumps({"paths": paths, "version": "1.1", "hash": "0123456789ab"}).encode()
    (folder / "staticfiles.json").write_bytes(manifest)
    record = {
        "schema": 1,
        "release": "v1",
        "created": "2026-01-01T00:00:00Z",
        "source": {"revision": "0" * 40, "dirty": False},
        "static_url": "https://cdn.example.com/static/",
        "layout": "hashed",
        "manifest": {"sha256": hashlib.sha256(manifest).hexdigest(), "paths": paths},
        "files": files,
    }
    (folder / "release.json").write_text(json.dumps(record, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def ask(python: Path, *words: str | Path) -> Any:
    """The answer of one measured process."""
    companion = ROOT / "companion"
    env = {**os.environ, "PYTHONPATH": f"{companion / 'src'}{os.pathsep}{companion / 'tests'}"}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    command = [str(python), str(Path(__file__).with_name("companion_timing.py")), *map(str, words)]
    return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)


def load(python: Path, folder: Path, runs: int) -> Case:
    # One run of each to have everything in the system's cache and compiled.
    found = [{kind: ask(python, "load", folder, kind) for kind in ("ours", "peer")} for _run in range(runs + 1)][1:]
    seconds = {kind: [run[kind]["seconds"] for run in found] for kind in ("ours", "peer")}
    ours, peer = (statistics.median(run[kind]["megabytes"] for run in found) for kind in ("ours", "peer"))
    return Case("manifest-load-20k", "stock-django", seconds["ours"], seconds["peer"], 1, (ours, peer))


def url(python: Path, folder: Path) -> Case:
    found = ask(python, "url", folder)
    return Case("url", "stock-django", found["ours"], found["peer"], NAMES)


def caches(python: Path, folder: Path, peer: str) -> list[Case]:
    from ansible_collections.trundle.django.benchmarks.companion_timing import KEYS

    found = ask(python, "cache", folder, peer)
    return [Case(name, peer, runs["ours"], runs["peer"], KEYS) for name, runs in sorted(found.items())]


def missed(result: dict[str, Any]) -> bool:
    limit = LIMITS.get((result["case"], result["peer"]))
    too_slow = result["case"].startswith("manifest-load") and result["ours_s"] > LOAD_SECONDS
    return too_slow or (limit is not None and result["ratio"] > limit)


def report(results: list[dict[str, Any]]) -> None:
    print(f"{'case':20}{'peer':14}{'ours s':>10}{'peer s':>10}{'ours MB':>9}{'peer MB':>9}{'ours/s':>10}   ratio")
    for result in results:
        seconds = "".join(f"{result[name]:10.4f}" for name in ("ours_s", "peer_s"))
        rest = "".join(f"{result.get(name, ''):>9}" for name in ("ours_mb", "peer_mb"))
        verdict = "  missed" if missed(result) else ""
        rate = f"{result.get('ours_per_s', ''):>10}"
        print(f"{result['case']:20}{result['peer']:14}{seconds}{rest}{rate} {result['ratio']:7.3f}{verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7, help="processes that load the manifest")
    options = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    machine = measure.machine()
    python = virtualenv()
    folder = BENCH / "companion"
    shutil.rmtree(folder, ignore_errors=True)
    release(folder)
    (folder / "empty").mkdir()
    (folder / "empty" / "staticfiles.json").write_text('{"paths": {}, "version": "1.1", "hash": ""}', encoding="utf-8")
    cases = [load(python, folder, options.runs), url(python, folder)]
    for peer in CACHES:
        cases += caches(python, folder, peer)
    results = [case.result() for case in cases]
    RESULTS.write_text(json.dumps({"results": results, "machine": machine}, indent=1) + "\n", encoding="utf-8")
    report(results)


if __name__ == "__main__":
    main()
