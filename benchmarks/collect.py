# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure collection side by side with Django's and WhiteNoise's own: ``make bench-collect``.

Whole processes, one after the other in turn: ``manage.py collectstatic --noinput`` against the worker that the module
starts. What the module takes from its own start to its end is told beside it, as module_s.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks import measure, trees
from ansible_collections.trundle.django.benchmarks.measure import Usage

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "build" / "bench"
RESULTS = BENCH / "collect.json"

MANAGE_PY = """\
import os, sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "not a secret"
INSTALLED_APPS = ["django.contrib.staticfiles"]
INSTALLED_APPS += [f"django.contrib.{{app}}" for app in "admin auth contenttypes messages sessions".split()]
STATIC_URL = "/static/"
STATIC_ROOT = {root!r}
STATICFILES_DIRS = {folders!r}
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": {storage!r}}},
}}
"""


@dataclass(frozen=True)
class Peer:
    name: str
    storage: str
    suffix: str
    steps: tuple[str, ...]
    # Without a word, only these are run: brotli at its highest level takes minutes for 20,000 files.
    sizes: tuple[str, ...]


PEERS = (
    Peer(
        "django",
        "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
        "",
        ("cold", "unchanged", "changed-1pct"),
        ("3k", "20k", "60k"),
    ),
    Peer(
        "whitenoise",
        "whitenoise.storage.CompressedManifestStaticFilesStorage",
        "-compressed",
        ("cold", "unchanged"),
        ("3k",),
    ),
)
# What ours may take of the peer's time.
LIMITS = {
    "cold-3k": 0.4,
    "cold-20k": 0.4,
    "unchanged-3k": 0.2,
    "unchanged-20k": 0.08,
    "changed-1pct-3k": 0.25,
    "changed-1pct-20k": 0.12,
    "cold-compressed-3k": 0.5,
    "unchanged-compressed-3k": 0.02,
}


@dataclass
class Case:
    """The runs of one step."""

    name: str
    peer: str
    ours: list[Usage] = field(default_factory=list)
    peers: list[Usage] = field(default_factory=list)
    module: list[float] = field(default_factory=list)

    def result(self) -> dict[str, Any]:
        ours, peer = (statistics.median(usage.seconds for usage in usages) for usages in (self.ours, self.peers))
        return {
            "case": self.name,
            "peer": self.peer,
            "ours_s": round(ours, 3),
            "peer_s": round(peer, 3),
            "ratio": round(ours / peer, 4),
            "runs": len(self.ours),
            "ours_mb": round(statistics.median(usage.megabytes for usage in self.ours), 1),
            "peer_mb": round(statistics.median(usage.megabytes for usage in self.peers), 1),
            "module_s": round(statistics.median(self.module), 3),
        }


class Project:
    """A Django project over a tree, and the two ways to collect it."""

    def __init__(self, python: Path, peer: Peer, size: str, sources: list[trees.Source]) -> None:
        self.python = python
        self.folder = BENCH / "projects" / f"{peer.name}-{size}"
        self.root = self.folder / "root"
        self.out = self.folder / "out"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        folders = [(prefix, str(folder)) if prefix else str(folder) for prefix, folder in sources]
        settings = SETTINGS.format(root=str(self.root), folders=folders, storage=peer.storage)
        (self.folder / "manage.py").write_text(MANAGE_PY, encoding="utf-8")
        (self.folder / "site_settings.py").write_text(settings, encoding="utf-8")
        # Compiled files of Django are there from now on, for both.
        measure.run([python, "manage.py", "collectstatic", "--help"], cwd=self.folder)

    def forget(self) -> None:
        for folder in (self.root, self.out):
            shutil.rmtree(folder, ignore_errors=True)

    def peers(self) -> Usage:
        return measure.run([self.python, "manage.py", "collectstatic", "--noinput"], cwd=self.folder)

    def ours(self, release: str) -> tuple[Usage, float]:
        """The worker's usage, and the seconds of the whole module."""
        arguments, result = self.folder / "arguments.json", self.folder / "result.json"
        options = {
            "project_path": str(self.folder),
            "python": str(self.python),
            "release": release,
            "dest": str(self.out / release),
            "cache": str(self.out / "cache"),
        }
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "import")}
        command: list[str | Path] = [sys.executable, Path(__file__).with_name("ours.py"), result, arguments]
        whole = measure.run(command, cwd=ROOT, env=env, memory=False)
        used = json.loads(result.read_text(encoding="utf-8"))
        return Usage(used["seconds"], used["megabytes"]), whole.seconds


def bench(
    project: Project, peer: Peer, size: str, sources: list[trees.Source], *, steps: list[str], runs: int
) -> list[Case]:
    cases = {step: Case(f"{step}{peer.suffix}-{size}", peer.name) for step in steps}
    for number in range(runs):
        project.forget()
        for step, case in cases.items():
            with changed(sources, number) if step == "changed-1pct" else unchanged():
                _measure(project, case, step, ours_first=bool(number % 2))
    project.forget()
    return list(cases.values())


def _measure(project: Project, case: Case, step: str, *, ours_first: bool) -> None:
    def ours() -> None:
        usage, whole = project.ours(step)
        case.ours.append(usage)
        case.module.append(whole)

    both: list[Callable[[], None]] = [ours, lambda: case.peers.append(project.peers())]
    for run in both if ours_first else both[::-1]:
        run()
    seconds = [usages[-1].seconds for usages in (case.ours, case.peers)]
    print(f"{case.name:26} ours {seconds[0]:8.3f} s   {case.peer} {seconds[1]:8.3f} s", flush=True)


@contextmanager
def unchanged() -> Iterator[None]:
    yield


@contextmanager
def changed(sources: list[trees.Source], number: int) -> Iterator[None]:
    """Change every hundredth file, other ones in each run, and restore them at the end."""
    chosen = list(trees.files(sources).values())[number % 100 :: 100]
    before = {path: path.read_bytes() for path in chosen}
    try:
        for path, data in before.items():
            path.write_bytes(data + f"\n/* changed {number} */\n".encode())
        yield
    finally:
        for path, data in before.items():
            path.write_bytes(data)


def virtualenv() -> Path:
    """The measured project's own Python: this one's base, with what peers.txt names."""
    python = BENCH / "venv" / "bin" / "python"
    stamp, wanted = BENCH / "venv" / ".requirements", (trees.HERE / "peers.txt").read_text(encoding="utf-8")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(BENCH / "venv", ignore_errors=True)
        base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        subprocess.run([base, "-m", "venv", BENCH / "venv"], check=True)
        options = ["--quiet", "--disable-pip-version-check", "-r", str(trees.HERE / "peers.txt")]
        subprocess.run([str(python), "-m", "pip", "install", *options], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def report(cases: list[Case]) -> None:
    heads = "".join(f"{head:>10}" for head in ("ours s", "peer s", "module s"))
    print(f"\n{'case':26}{heads}{'ours MB':>9}{'peer MB':>9}   ratio  limit")
    for result in (case.result() for case in cases):
        limit = LIMITS.get(result["case"])
        verdict = "" if limit is None else f"{limit:.2f} {'missed' if result['ratio'] > limit else 'kept'}"
        seconds = "".join(f"{result[name]:10.3f}" for name in ("ours_s", "peer_s", "module_s"))
        memory = "".join(f"{result[name]:9.1f}" for name in ("ours_mb", "peer_mb"))
        print(f"{result['case']:26}{seconds}{memory} {result['ratio']:7.3f}  {verdict}")


def write(cases: list[Case], machine: dict[str, Any], *, keep: bool) -> None:
    results = [case.result() for case in cases]
    names = {result["case"] for result in results}
    if keep and RESULTS.is_file():
        earlier = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
        results = [result for result in earlier if result["case"] not in names] + results
    text = json.dumps({"results": results, "machine": machine}, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sizes", default="3k,20k,60k", help="of 3k, 20k and 60k, with commas between them")
    parser.add_argument("--peers", help="of django and whitenoise; without it whitenoise runs at 3k only")
    parser.add_argument("--steps", default="unchanged,changed-1pct", help="of unchanged and changed-1pct, beside cold")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the results of cases that are not run this time")
    options = parser.parse_args()
    machine = measure.machine()
    python = virtualenv()
    cases: list[Case] = []
    for size in options.sizes.split(","):
        folders = trees.install(python, BENCH, size)
        # Made anew each time: what an interrupted run has changed is gone.
        shutil.rmtree(BENCH / "trees" / size, ignore_errors=True)
        sources = trees.make(folders, BENCH / "trees" / size)
        machine[f"files-{size}"] = len(trees.files(sources))
        for peer in PEERS:
            if peer.name in options.peers.split(",") if options.peers else size in peer.sizes:
                project = Project(python, peer, size, sources)
                # The others go on from what the first one has left.
                steps = [step for step in peer.steps if step == "cold" or step in options.steps.split(",")]
                cases += bench(project, peer, size, sources, steps=steps, runs=options.runs)
                write(cases, machine, keep=options.keep)
    report(cases)


if __name__ == "__main__":
    main()
