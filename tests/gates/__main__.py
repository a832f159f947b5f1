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
COMPANION: dict[str, Part] = {"companion-tests": units.companion_tests}
ONE: dict[str, Part] = {
    **READ,
    **COMPANION,
    "units": units.units,
    "integration": collection.integration,
    "molecule": scenarios.molecule,
}
GROUPS = ("test-quick", "hosts", "test")


def stages(group: str) -> list[list[Lane]]:
    """What runs in a group: one stage after the other, and in each of them its lanes side by side."""
    tests = units.parts()
    hosts: Lane = {name: part for name, part in tests.items() if name == units.HOST}
    controllers: Lane = {name: part for name, part in tests.items() if name not in hosts}
    if group == "test-quick":
        return [[controllers, {**COMPANION, **hosts, **READ}]]
    targets: Lane = {"integration": collection.integration}
    scenes = scenarios.parts()
    patient: Lane = {name: part for name, part in scenes.items() if name in scenarios.PATIENT}
    # The others have visitors, who are judged by what they get: on a busy machine they wait until they give up. These
    # scenarios wait for their hosts half of the time, and so two of them have room side by side.
    timed: list[Lane] = [{name: part} for name, part in scenes.items() if name not in patient]
    if group == "hosts":
        return [[targets, patient], timed]
    lanes: list[Lane] = [{**controllers, **COMPANION, **patient}, {**targets, **hosts}]
    spare = background.group()
    if spare is None:
        return [lanes, [READ], timed]
    read: Lane = {name: functools.partial(background.within, spare, part) for name, part in READ.items()}
    return [lanes, [*timed, read]]


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    started = time.monotonic()
    venvs.setup()
    if options.what in {"setup", "tree"}:
        say(str(tree.make()))
        return 0
    if options.what not in GROUPS:
        results = _run(options.what, options.only)
    else:
        results = [result for lanes in stages(options.what) for result in _side_by_side(lanes)]
    return report.close(results, time.monotonic() - started)


def _side_by_side(lanes: list[Lane]) -> list[Result]:
    if len(lanes) == 1:
        return _lane(lanes[0])
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(beside, functools.partial(_lane, lane)) for lane in lanes]
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
