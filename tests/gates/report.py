# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts from the parts' own reports, and the closing table."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

from base import Result, say


def count_junit(paths: Iterable[Path]) -> tuple[int, int, int]:
    """Passed, failed and skipped test cases of JUnit files."""
    passed = failed = skipped = 0
    for path in paths:
        for case in ET.parse(path).iter("testcase"):  # noqa: S314  (written by the part, just now)
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                failed += 1
            elif "skipped" in kinds:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def failed_cases(paths: Iterable[Path], most: int = 5) -> str:
    """The names of the test cases that failed, the first few of them."""
    names = [
        f"{case.get('classname', '')}.{case.get('name', '')}".lstrip(".")
        for path in paths
        for case in ET.parse(path).iter("testcase")  # noqa: S314  (written by the part, just now)
        if {child.tag for child in case} & {"failure", "error"}
    ]
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join(names[:most] + more)


def failed_task(output: str) -> str:
    """The last task on which a host failed in a run of ansible-playbook, and that host's line, cut short."""
    task = found = ""
    for line in output.splitlines():
        plain = re.sub(r"\x1b\[[0-9;]*m|│", "", line).strip()
        if plain.startswith("TASK ["):
            task = plain.rstrip("* ")
        elif plain.startswith(("fatal: ", "failed: ")):
            found = f"{task} {plain}"[:200]
    return found


def failed_targets(output: str) -> list[str]:
    """The integration targets that ansible-test names at its end, when told to go on after an error."""
    match = re.search(r"integration test\(s\) listed below \(out of \d+\) failed[^\n]*\n((?:[\w.-]+\n?)*)", output)
    return match[1].split() if match else []


def summary(results: Sequence[Result], seconds: float) -> str:
    """A closing line in pytest's form, which people and programs know how to read."""
    counts = [
        (sum(result.failed for result in results), "failed"),
        (sum(result.passed for result in results), "passed"),
        (sum(result.skipped for result in results), "skipped"),
    ]
    words = ", ".join(f"{number} {word}" for number, word in counts if number) or "no tests ran"
    return f"=== {words} in {seconds:.2f}s ==="


def row(result: Result, width: int = 0) -> str:
    """A line of the closing table."""
    counts = f"{result.passed:>6}  {result.failed:>6}  {result.skipped:>7}  {result.seconds:>7.1f}"
    return f"{result.part:<{width}}  {counts}  {result.note}".rstrip()


def close(results: Sequence[Result], seconds: float) -> int:
    """Print the table and the closing line; return the exit status."""
    width = max([len(result.part) for result in results] + [4])
    say(f"\n{'part':<{width}}  passed  failed  skipped  seconds")
    for result in results:
        say(row(result, width))
    say(summary(results, seconds))
    # A part without a single test has proved nothing.
    return int(any(result.failed for result in results) or not any(result.passed for result in results))
