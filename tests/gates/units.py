# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that run pytest: the unit tests by interpreter, and the companion's own tests by Django version."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import interpreters
import report
import tree
import venvs
from base import BUILD, LOGS, ROOT, Command, Result, environment, run

# One worker a core; the tests of a file stay together, and so do the servers that they share.
PARALLEL = ("-n", "auto", "--dist", "loadfile")
MODULE_UTILS = "tests/unit/plugins/module_utils"
HOST = f"units-{interpreters.HOST_VERSION}"
# What runs on users' controllers, and what starts a test run. The lab and the demo run on the usual one.
ENDS = ("tests/unit/gates", "tests/unit/plugins")
# A file system in memory, and how many bytes have to be free there: the tests write many small files and sync them.
MEMORY = Path("/dev/shm")  # noqa: S108 (each run makes a folder of its own in it)
ROOM = 8 * 1024**3
# pytest ends with this when it found nothing to run.
NO_TESTS = 5


def units() -> list[Result]:
    """All unit tests, one interpreter after the other."""
    return [result for part in parts().values() for result in part()]


def parts() -> dict[str, Callable[[], list[Result]]]:
    """All unit tests on the usual controller, the plugins' on the oldest and the newest, and what hosts import."""
    usual = interpreters.usual()
    made: dict[str, Callable[[], list[Result]]] = {
        f"units-{usual}": functools.partial(_controller, usual, ["tests/unit"], again=False)
    }
    others = [version for version in interpreters.ends() if version != usual]
    for version in others:
        made[f"units-{version}"] = functools.partial(_controller, version, ENDS, again=True)
    if not others:
        note = f"only Python {usual} was found"
        made["units-second-python"] = lambda: [Result("units-second-python", skipped=1, note=note)]
    made[HOST] = _host
    return made


def _controller(version: str, paths: Sequence[str], *, again: bool) -> list[Result]:
    return [_pytest(f"units-{version}", venvs.controller(version), [*paths, *PARALLEL], again=again)]


def _host() -> list[Result]:
    venv = venvs.host()
    if venv is None:
        return [Result(HOST, skipped=1, note=f"Python {interpreters.HOST_VERSION} was not found")]
    return [_pytest(HOST, venv, [MODULE_UTILS, *PARALLEL], again=True)]


def _pytest(name: str, venv: Path, arguments: Sequence[str], *, again: bool) -> Result:
    started = time.monotonic()
    LOGS.mkdir(parents=True, exist_ok=True)
    junit = LOGS / f"{name}.xml"
    junit.unlink(missing_ok=True)
    cache = f"cache_dir={BUILD / 'pytest' / name}"
    command: list[str | Path] = [venv / "bin" / "python", "-m", "pytest", "-q", "-o", cache, f"--junitxml={junit}"]
    with tempfile.TemporaryDirectory(prefix="trundle-", dir=_roomy()) as folder:
        # PostgreSQL runs as a user of its own, below it.
        Path(folder).chmod(0o711)
        extra = {"PYTHONPATH": str(tree.link()), "TMPDIR": folder, **({"TRUNDLE_AGAIN": "1"} if again else {})}
        # The path of a socket may have no more than 107 bytes, which a folder for each user and run would use up.
        command += [f"--basetemp={folder}/t", *arguments]
        status = run(command, log=name, env=environment(venv, extra)).status
    return _result(name, status, junit, time.monotonic() - started)


def _roomy() -> Path | None:
    """A folder in memory, or None where there is none with enough room."""
    try:
        return MEMORY if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM else None
    except OSError:
        return None


def _result(name: str, status: int, junit: Path, seconds: float) -> Result:
    written = [junit] if junit.is_file() else []
    passed, failed, skipped = report.count_junit(written)
    note = report.failed_cases(written)
    if status == NO_TESTS:
        note = "found no test"
    elif status and not failed:
        note = f"exit status {status}"
    # A run that ended badly has failed, whatever its tests said.
    return Result(name, passed, failed or int(status != 0), skipped, seconds, note)


# The Pythons of each Django, the first that is there: one for all of the companion's tests, one at the other end of
# what it supports for those without servers.
COMPANION = {
    "Django~=4.2.0": (("3.9", "3.10", "3.11"), ("3.12",)),
    "Django~=5.2.0": (("3.13", "3.12", "3.11"), ("3.10",)),
    "Django": (interpreters.CONTROLLER_VERSIONS[::-1], ("3.12",)),
}
SLOW = ("reset", "test_cache_load.py", "test_cache_suite.py")
WITHOUT_SERVERS = ("--no-cov", *(f"--ignore=tests/{name}" for name in SLOW))


def companion_tests() -> list[Result]:
    """The companion's tests on each Django that it supports, on the oldest and the newest Python."""
    script = ROOT / "companion" / "run-tests.sh"
    results = []
    for django, ends in COMPANION.items():
        for versions, arguments in zip(ends, ((), WITHOUT_SERVERS)):
            found = next((version for version in versions if interpreters.find(version)), None)
            name = f"companion-{django.partition('=')[2][:-2] or 'newest'}-py{found or versions[0]}"
            if found is None:
                results.append(Result(name, skipped=1, note=f"Python {versions[0]} was not found"))
            else:
                results.append(_companion(name, [script, django, str(interpreters.find(found)), *arguments]))
    return results


def _companion(name: str, command: Command) -> Result:
    started = time.monotonic()
    junit = LOGS / f"{name}.xml"
    junit.unlink(missing_ok=True)
    uv = venvs.bootstrap()
    extra: Mapping[str, str] = {
        "PYTEST_ADDOPTS": f"--junitxml={junit}",
        "PATH": f"{uv.parent}{os.pathsep}{os.environ['PATH']}",
    }
    status = run(command, log=name, env=environment(extra=extra)).status
    return _result(name, status, junit, time.monotonic() - started)
