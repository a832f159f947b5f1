# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run parts of the test run: ``python3 tests/gates PART...``; the last line says how many tests ran.

Needs only a Python of its own: what the parts use is installed under build/ first.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import background
import collection
import distributions
import report
import scenarios
import static
import tree
import units
import venvs
from base import GateError, Result, beside, say

Part = Callable[[], list[Result]]
Lane = dict[str, Part]


def package() -> list[Result]:
    """What users install: the collection's tarball, and the companion's distributions."""
    return static.package() + distributions.companion()


# What reads the project without timing anything.
READ: dict[str, Part] = {
    "lint": static.lint,
    "types": static.types,
    "docs": static.docs,
    "package": package,
    "sanity": collection.sanity,
}
# Takes as long as the others of these together.
LINTERS = ("lint",)
COMPANION: dict[str, Part] = {"companion-tests": units.companion_tests}
ONE: dict[str, Part] = {
    **READ,
    **COMPANION,
    "units": units.units,
    "integration": collection.integration,
    "molecule": scenarios.molecule,
}
GROUPS = ("test-quick", "hosts", "test")


@dataclass(frozen=True)
class Stage:
    """Lanes, whose parts run one after the other, and how many of them run side by side: one ends, the next begins."""

    lanes: list[Lane]
    at_once: int = 2


@dataclass(frozen=True)
class Plan:
    """Stages, one after the other, and lanes that take from first to last what processor the stages leave idle."""

    stages: list[Stage]
    spare: list[Lane]


def plan(group: str) -> Plan:
    """What runs in a group."""
    scenes = scenarios.parts()
    # The longest first, and last what has a test on each processor, so that none of them is left idle for long.
    quick = {**COMPANION, **units.parts()}
    if group == "test-quick":
        return Plan([Stage(_each({**quick, **READ}))], [])
    hosts = {"integration": collection.integration} | {
        name: part for name, part in scenes.items() if name in scenarios.PATIENT
    }
    # The others have visitors, who are judged by what they get: on a busy machine they wait until they give up. These
    # scenarios wait for their hosts half of the time, and so two of them have room side by side.
    timed = _each({name: part for name, part in scenes.items() if name not in scenarios.PATIENT})
    if group == "hosts":
        return Plan([Stage(_each(hosts)), Stage(timed)], [])
    first = Stage(_each({**hosts, **quick}))
    made = background.group()
    if made is None:
        return Plan([first, Stage(_each(READ)), Stage(timed)], [])
    read: Lane = {name: functools.partial(background.within, made, part) for name, part in READ.items()}
    linters: Lane = {name: read.pop(name) for name in LINTERS}
    return Plan([first, Stage(timed)], [linters, read])


def _each(parts: Lane) -> list[Lane]:
    return [{name: part} for name, part in parts.items()]


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    started = time.monotonic()
    venvs.setup()
    if options.what in {"setup", "tree"}:
        say(str(tree.make()))
        return 0
    results = _follow(plan(options.what)) if options.what in GROUPS else _run(options.what, options.only)
    return report.close(results, time.monotonic() - started)


def _follow(followed: Plan) -> list[Result]:
    with ThreadPoolExecutor(1) as pool:
        spare = pool.submit(_side_by_side, Stage(followed.spare, at_once=len(followed.spare) or 1))
        results = [result for stage in followed.stages for result in _side_by_side(stage)]
        return [*results, *spare.result()]


def _side_by_side(stage: Stage) -> list[Result]:
    with ThreadPoolExecutor(stage.at_once) as pool:
        running = [pool.submit(beside, functools.partial(_lane, lane)) for lane in stage.lanes]
        return [result for lane in running for result in lane.result()]


def _lane(lane: Lane) -> list[Result]:
    return [result for name, part in lane.items() for result in _guarded(name, part)]


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gates", description="Run a part of the test run, or all of it.")
    parser.add_argument("what", choices=["setup", "tree", *GROUPS, *ONE])
    parser.add_argument("only", nargs="*", help="for integration and molecule: the targets or scenarios to run")
    return parser.parse_args(arguments)


def _run(name: str, only: list[str]) -> list[Result]:
    if only and name == "integration":
        return _guarded(name, lambda: collection.integration(only))
    if only and name == "molecule":
        return _guarded(name, lambda: scenarios.molecule(only))
    return _guarded(name, ONE[name])


def _guarded(name: str, part: Part) -> list[Result]:
    say(f"\n##### {name}")
    try:
        results = part()
    except GateError as error:
        results = [Result(name, failed=1, note=str(error))]
    for result in results:
        say(report.row(result))
    return results


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GateError as error:
        sys.exit(f"gates: {error}")
