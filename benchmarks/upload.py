# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the upload side by side with other tools: ``make bench-upload``.

Whole processes, one after the other in turn, each tool against a server of its own that is empty at the start. How many
requests a tool sends is counted before the server, in a run that is not timed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks import collect, measure, releases, servers, tools, trees
from ansible_collections.trundle.django.benchmarks.measure import Usage
from ansible_collections.trundle.django.benchmarks.proxy import Proxy
from ansible_collections.trundle.django.plugins.module_utils.record import RECORD_NAME

BENCH = collect.BENCH
RESULTS = BENCH / "upload.json"
FRESH, UNCHANGED, CHANGED = "fresh", "unchanged", "changed-1pct"
ALL = tuple(tools.PEERS)


@dataclass(frozen=True)
class Group:
    """Steps that follow one another on one server. delay: seconds, added to each request before the server."""

    tree: str
    steps: tuple[str, ...]
    peers: tuple[str, ...]
    delay: float = 0.0

    @property
    def suffix(self) -> str:
        return f"-{self.delay * 1000:.0f}ms" if self.delay else ""

    def case(self, step: str) -> str:
        return f"{step}-{self.tree}{self.suffix}"

    @property
    def cases(self) -> list[str]:
        return [self.case(step) for step in self.steps]


GROUPS = (
    Group("3k", (FRESH, UNCHANGED, CHANGED), ALL),
    Group("20k", (FRESH, UNCHANGED, CHANGED), ("s5cmd", "boto3-threads")),
    Group("4k", (FRESH,), ("s5cmd", "boto3-threads")),
    Group("3k", (FRESH, UNCHANGED, CHANGED), ALL, delay=0.02),
)
# What ours may take of the peer's time.
LIMITS = {
    ("fresh-3k", "s5cmd"): 0.8,
    ("fresh-20k", "s5cmd"): 0.8,
    ("fresh-4k", "s5cmd"): 0.8,
    ("fresh-3k", "boto3-threads"): 0.2,
    ("fresh-20k", "boto3-threads"): 0.2,
    ("fresh-4k", "boto3-threads"): 0.2,
    ("fresh-3k-20ms", "s5cmd"): 1.0,
    ("fresh-3k-20ms", "s3_sync"): 0.02,
    ("fresh-3k-20ms", "django-storages"): 0.02,
    ("unchanged-3k", "s5cmd"): 1.0,
    ("unchanged-20k", "s5cmd"): 0.5,
}


@dataclass
class Runs:
    """What the runs of one tool in one case took."""

    usages: list[Usage] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return statistics.median(usage.seconds for usage in self.usages)

    @property
    def megabytes(self) -> float:
        return statistics.median(usage.megabytes for usage in self.usages)


# Case and tool.
Table = dict[tuple[str, str], Runs]


class Bench:
    def __init__(self, python: Path, group: Group, packages: Sequence[Path], peers: Sequence[str]) -> None:
        self.python = python
        self.group = group
        self.packages = packages
        self.tools: dict[str, tools.Tool] = {"ours": tools.ours} | {name: tools.PEERS[name] for name in peers}
        self.table: Table = {(case, name): Runs() for case in group.cases for name in self.tools}

    def run(self, runs: int) -> Table:
        for number in range(runs):
            # Each tool comes first, in turn.
            names = [*self.tools]
            names = names[number % len(names) :] + names[: number % len(names)]
            for name in names:
                # With a delay there is a proxy anyway, and it counts.
                self._steps(name, timed=True)
        for name in () if self.group.delay else self.tools:
            self._steps(name, timed=False)
        return self.table

    def _steps(self, name: str, *, timed: bool) -> None:
        with self._place(name, counted=not timed) as (place, proxy):
            for step in self.group.steps:
                if proxy:
                    proxy.reset()
                package = self.packages[step == CHANGED]
                usage = self.tools[name](place, package)
                runs = self.table[self.group.case(step), name]
                if timed:
                    runs.usages.append(usage)
                if proxy:
                    runs.requests = _by_method(proxy)
                what = f"{usage.seconds:8.3f} s {usage.megabytes:7.1f} MB" if timed else f"{runs.requests}"
                print(f"{self.group.case(step):22} {name:16} {what}", flush=True)

    @contextlib.contextmanager
    def _place(self, name: str, *, counted: bool) -> Iterator[tuple[tools.Place, Proxy | None]]:
        work = BENCH / "upload" / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        with self._server() as address:
            if not counted and not self.group.delay:
                yield tools.Place(self.python, work, "http://{}:{}".format(*address)), None
                return
            with Proxy(address, delay=self.group.delay) as proxy:
                yield tools.Place(self.python, work, proxy.endpoint), proxy

    def _server(self) -> contextlib.AbstractContextManager[servers.Address]:
        if self.group.tree == "4k":
            found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
            return servers.nginx(Path(found or "nginx"))
        return servers.rclone(self.python.with_name("rclone"))


def _by_method(proxy: Proxy) -> dict[str, int]:
    counts: dict[str, int] = {}
    for request in proxy.requests:
        counts[request.method] = counts.get(request.method, 0) + 1
    return counts


def packages(tree: str) -> list[Path]:
    """The release of a tree, and the next one, in which every hundredth file has changed: made once and kept."""
    folder = BENCH / "releases" / tree
    found = [folder / name for name in (("v1",) if tree == "4k" else ("v1", "v2"))]
    # The record is what is written last.
    if (found[-1] / RECORD_NAME).is_file():
        return found
    shutil.rmtree(folder, ignore_errors=True)
    if tree == "4k":
        releases.made_up(folder / "v1", count=4000, size=4096)
        return found
    python = collect.virtualenv()
    shutil.rmtree(BENCH / "trees" / tree, ignore_errors=True)
    sources = trees.make(trees.install(python, BENCH, tree), BENCH / "trees" / tree)
    project = collect.Project(python, collect.PEERS[0], tree, sources)
    project.ours("v1")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(project.out / "v1", folder / "v1", copy_function=os.link)
    project.forget()
    releases.with_changes(folder / "v1", folder / "v2", release="v2")
    return found


def rows(table: Table) -> list[dict[str, Any]]:
    found = []
    for (case, name), peer in table.items():
        if name == "ours":
            continue
        ours = table[case, "ours"]
        found.append(
            {
                "case": case,
                "peer": name,
                "ours_s": round(ours.seconds, 3),
                "peer_s": round(peer.seconds, 3),
                "ratio": round(ours.seconds / peer.seconds, 4),
                "runs": len(peer.usages),
                "ours_mb": round(ours.megabytes, 1),
                "peer_mb": round(peer.megabytes, 1),
                "ours_requests": sum(ours.requests.values()),
                "peer_requests": sum(peer.requests.values()),
                "ours_methods": ours.requests,
                "peer_methods": peer.requests,
            }
        )
    return found


def report(results: list[dict[str, Any]]) -> None:
    heads = "".join(f"{head:>10}" for head in ("ours s", "peer s", "ours MB", "peer MB", "ours req", "peer req"))
    print(f"\n{'case':22}{'peer':16}{heads}   ratio  limit")
    names = ("ours_s", "peer_s", "ours_mb", "peer_mb", "ours_requests", "peer_requests")
    for result in results:
        limit = LIMITS.get((result["case"], result["peer"]))
        verdict = "" if limit is None else f"{limit:.2f} {'missed' if result['ratio'] > limit else 'kept'}"
        numbers = "".join(f"{result[name]:10}" for name in names)
        print(f"{result['case']:22}{result['peer']:16}{numbers} {result['ratio']:7.3f}  {verdict}")


def write(results: list[dict[str, Any]], machine: dict[str, Any], *, keep: bool) -> None:
    done = {(result["case"], result["peer"]) for result in results}
    if keep and RESULTS.is_file():
        earlier = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
        results = [result for result in earlier if (result["case"], result["peer"]) not in done] + results
    text = json.dumps({"results": results, "machine": machine}, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    names = [group.tree + group.suffix for group in GROUPS]
    parser.add_argument("--groups", default=",".join(names), help=f"of {', '.join(names)}, with commas between them")
    parser.add_argument("--peers", default=",".join(ALL), help=f"of {', '.join(ALL)}")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the results of cases that are not run this time")
    options = parser.parse_args()
    machine = measure.machine()
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    python = tools.install(BENCH / "venv-upload", trees.HERE / "upload-peers.txt", base)
    results: list[dict[str, Any]] = []
    for group in GROUPS:
        if group.tree + group.suffix not in options.groups.split(","):
            continue
        peers = [name for name in group.peers if name in options.peers.split(",")]
        bench = Bench(python, group, packages(group.tree), peers)
        results += rows(bench.run(options.runs))
        write(results, machine, keep=options.keep)
    report(results)


if __name__ == "__main__":
    main()
