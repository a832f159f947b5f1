# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run parts of the test run: ``python3 tests/gates PART...``; the last line says how many tests ran.

Needs only a Python of its own: what the parts use is installed under build/ first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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


def package() -> list[Result]:
    """What users install: the collection's tarball, and the companion's distributions."""
    return static.package() + distributions.companion()


QUICK: dict[str, Part] = {
    "lint": static.lint,
    "types": static.types,
    "docs": static.docs,
    "package": package,
    "companion-tests": units.companion_tests,
    "sanity": collection.sanity,
}


def quick() -> list[Result]:
    """The unit tests beside all the rest that needs no hosts: neither keeps two processors busy."""
    return _side_by_side({"units": units.units}, QUICK)


def hosts() -> list[Result]:
    """Integration targets and scenarios, side by side where nothing is timed."""
    patient = {"molecule": lambda: scenarios.molecule([*scenarios.PATIENT])}
    results = _side_by_side({"integration": collection.integration}, patient)
    rest = [name for name in scenarios.available() if name not in scenarios.PATIENT]
    return results + _guarded("molecule", lambda: scenarios.molecule(rest))


def _side_by_side(front: dict[str, Part], others: dict[str, Part]) -> list[Result]:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(beside, lambda: _in_turn(others))
        return _in_turn(front) + running.result()


def _in_turn(parts: dict[str, Part]) -> list[Result]:
    return [result for name, part in parts.items() for result in _guarded(name, part)]


PARTS = {
    **QUICK,
    "units": units.units,
    "test-quick": quick,
    "integration": collection.integration,
    "molecule": scenarios.molecule,
    "hosts": hosts,
}
GROUPS = {"test": ["test-quick", "hosts"]}


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    started = time.monotonic()
    if options.what in {"setup", "tree"}:
        venvs.setup()
        say(str(tree.make()))
        return 0
    venvs.setup()
    results = []
    for name in GROUPS.get(options.what, [options.what]):
        results += _run(name, options.only)
    return report.close(results, time.monotonic() - started)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gates", description="Run a part of the test run, or all of it.")
    parser.add_argument("what", choices=["setup", "tree", *GROUPS, *PARTS])
    parser.add_argument("only", nargs="*", help="for integration and molecule: the targets or scenarios to run")
    return parser.parse_args(arguments)


def _run(name: str, only: list[str]) -> list[Result]:
    if only and name == "integration":
        return _guarded(name, lambda: collection.integration(only))
    if only and name == "molecule":
        return _guarded(name, lambda: scenarios.molecule(only))
    return _guarded(name, PARTS[name])


def _guarded(name: str, part: Part) -> list[Result]:
    say(f"\n##### {name}")
    try:
        return part()
    except GateError as error:
        say(f"{name}: {error}")
        return [Result(name, failed=1, note=str(error))]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GateError as error:
        sys.exit(f"gates: {error}")
