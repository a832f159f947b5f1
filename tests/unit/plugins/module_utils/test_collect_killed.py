# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any moment of a collection leaves nothing that is half done, neither in the folder nor in the cache."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.record import parse
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import Site, runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.equality import digests

pytestmark = runs_once

# 50 in all; each round begins with an empty cache.
ROUNDS = 5
KILLS = 10

PROGRAM = """
import sys
from pathlib import Path
from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options

project, python, release, dest, cache = sys.argv[1:]
print("ready", flush=True)
collect(Options(project_path=Path(project), python=python, release=release, dest=Path(dest), cache=Path(cache),
                compress=["gzip", "brotli"]))
"""


class Collections:
    """Collections of one site into folders below one, with one cache."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.cache = folder / "cache"
        folder.mkdir()

    def run(self, release: str, kill_after: float | None = None) -> float | None:
        """The seconds that a collection took, or None when it was killed before its end."""
        process = self.start(release)
        started = time.monotonic()
        try:
            status = process.wait(timeout=kill_after)
        except subprocess.TimeoutExpired:
            # The worker too.
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
            if status == -signal.SIGKILL:
                return None
        # One that had ended before the signal came was not killed.
        assert status == 0
        return time.monotonic() - started

    def start(self, release: str) -> subprocess.Popen[bytes]:
        """Start one, and return when its modules are loaded and the collection begins."""
        dest = self.folder / "out" / release
        arguments = [str(word) for word in (self.site.folder, self.site.python, release, dest, self.cache)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.stdout.close()
        return process

    def assert_whole_or_absent(self, release: str, expected: dict[str, str]) -> bool:
        """What is under the name of a release is all of it; says whether it is there."""
        dest = self.folder / "out" / release
        if not dest.exists():
            return False
        found = digests(dest)
        record = parse((dest / "release.json").read_bytes())
        assert {f"static/{name}": entry.sha256 for name, entry in record.files.items()} == static(found)
        assert static(found) == expected
        return True


def static(found: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in found.items() if name.startswith("static/")}


@pytest.fixture
def site(newest_site: Any) -> Any:
    """Enough files for a kill to meet every phase."""
    for number in range(150):
        newest_site.write(f"assets/css/{number}.css", f"a {{ background: url('../img/{number}.png') }}\n" * 20)
        newest_site.write(f"assets/img/{number}.png", bytes(range(256)) * number)
        newest_site.write(f"assets/js/{number}.js", f"export const n = {number};\n" * 500)
    return newest_site


def test_kill_9_at_any_moment_leaves_nothing_half_done(site: Any, tmp_path: Path) -> None:
    undisturbed = Collections(site, tmp_path / "undisturbed")
    took = undisturbed.run("v0")
    assert took
    expected = static(digests(undisturbed.folder / "out" / "v0"))
    for number in range(ROUNDS):
        disturbed = Collections(site, tmp_path / f"disturbed-{number}")
        kill_often(disturbed, random.Random(number), took, expected)
        assert disturbed.run("v0")
        assert disturbed.assert_whole_or_absent("v0", expected)
        assert_cache_is_whole(site, disturbed, expected)


def kill_often(disturbed: Collections, moments: random.Random, limit: float, expected: dict[str, str]) -> None:
    """Kill one collection after the other, with what the killed ones have left in the cache."""
    killed = 0
    for number in range(3 * KILLS):
        # Late moments more often: half of the time passes before the project is loaded.
        seconds = disturbed.run(f"v{number}", kill_after=moments.triangular(0, limit, limit))
        there = disturbed.assert_whole_or_absent(f"v{number}", expected)
        if seconds is None:
            killed += 1
        else:
            assert there
            # With a warm cache they are faster: the moments must not come after the end.
            limit = min(limit, seconds)
        if killed == KILLS:
            return
    pytest.fail(f"only {killed} of {3 * KILLS} collections were still running when they were to be killed")


def assert_cache_is_whole(site: Any, disturbed: Collections, expected: dict[str, str]) -> None:
    """What the cache gives is right, and nothing in it is looked at and found to be damaged."""
    collected = collect(
        Options(
            project_path=site.folder,
            python=str(site.python),
            release="last",
            dest=disturbed.folder / "out" / "last",
            cache=disturbed.cache,
            compress=["gzip", "brotli"],
        )
    )
    assert disturbed.assert_whole_or_absent("last", expected)
    assert collected.worker["cache"]["damaged"] == []
    assert collected.worker["cache"]["reused"] > 0
    for name, digest in digests(disturbed.cache / "blobs").items():
        named = Path(name).name.partition("-")[0]
        if len(named) == 64:
            assert digest == named, name
    # Half of a run's files stand under a name of their own until the next run of that release removes them.
    for path in (disturbed.folder / "out").iterdir():
        assert path.name.startswith((".", "v", "last")), path
