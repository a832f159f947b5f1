# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that deploy to real hosts: the molecule scenarios."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import report
import venvs
from base import BUILD, ROOT, Command, GateError, Result, environment, run

# Run only when they are asked for by name. chaos deploys some forty times under load and scale to 24 hosts, which takes
# as long as all others together. strategies has one host restart under visitors who wait ten seconds at most: on two
# processors, which hosts and visitors share, a release that boots slowly takes longer than that.
LONG = ("chaos", "scale", "strategies")
# Without visitors: others may have a share of the processor meanwhile. As parts() names them.
PATIENT = ("molecule-wrong_input",)
# Deployed by the newest Python; the others by the usual one.
NEWEST = ("default",)


def available() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))


def usual() -> list[str]:
    """Without those that take long."""
    return [name for name in available() if name not in LONG]


def molecule(names: list[str] | None = None) -> list[Result]:
    """Run scenarios (those named, or all but the long ones) one after the other; each counts as one test."""
    found = available()
    unknown = sorted(set(names or ()) - set(found))
    if unknown:
        raise GateError(f"No such scenario: {', '.join(unknown)}. There are: {', '.join(found) or 'none'}.")
    return [_scenario(name) for name in names or usual()]


def parts() -> dict[str, Callable[[], list[Result]]]:
    return {f"molecule-{name}": functools.partial(molecule, [name]) for name in usual()}


def _scenario(name: str) -> Result:
    venv = venvs.newest() if name in NEWEST else venvs.usual()
    # Where the scenario itself installs the collection, from its tarball.
    installed = {"ANSIBLE_COLLECTIONS_PATH": str(BUILD / "molecule" / name / "collections")}
    started = time.monotonic()
    command: Command = [venv / "bin" / "molecule", "test", "-s", name]
    outcome = run(command, log=f"molecule-{name}", env=environment(venv, installed))
    passed = outcome.status == 0
    note = "" if passed else f"exit status {outcome.status}: {report.failed_task(outcome.output)}"
    return Result(f"molecule-{name}", int(passed), int(not passed), 0, time.monotonic() - started, note)
