# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import report
from base import Result

JUNIT = """<testsuites><testsuite>
<testcase name="good"/>
<testcase name="bad"><failure message="no"/></testcase>
<testcase name="broken"><error message="no"/></testcase>
<testcase name="left out"><skipped/></testcase>
</testsuite></testsuites>"""


def test_junit_cases_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT, encoding="utf-8")
    assert report.count_junit([path, path]) == (2, 4, 2)


@pytest.mark.parametrize(
    ("results", "line"),
    [
        pytest.param([Result("a", passed=3), Result("b", passed=4, skipped=1)], "7 passed, 1 skipped", id="passed"),
        pytest.param([Result("a", passed=3), Result("b", failed=2)], "2 failed, 3 passed", id="failed"),
        pytest.param([], "no tests ran", id="none"),
    ],
)
def test_the_closing_line_is_that_of_pytest(results: list[Result], line: str) -> None:
    assert report.summary(results, 1.5) == f"=== {line} in 1.50s ==="


@pytest.mark.parametrize(
    ("results", "status"),
    [
        pytest.param([Result("a", passed=1), Result("b", skipped=1)], 0, id="passed"),
        pytest.param([Result("a", passed=1), Result("b", failed=1)], 1, id="one-part-failed"),
        pytest.param([Result("a", skipped=1)], 1, id="nothing-ran"),
    ],
)
def test_the_exit_status_follows_the_parts(
    results: list[Result], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.close(results, 1.0) == status
    assert capsys.readouterr().out.splitlines()[-1].startswith("=== ")


def test_failed_integration_targets_are_read_from_the_end_of_the_output() -> None:
    output = (
        "Running release integration test role\n"
        "FATAL: The 2 integration test(s) listed below (out of 7) failed. See error output above for details:\n"
        "release\nstatic_upload\n"
    )
    assert report.failed_targets(output) == ["release", "static_upload"]
    assert report.failed_targets("all is well\n") == []


def test_failed_cases_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT.replace('name="bad"', 'classname="unit.test_it" name="bad"'), encoding="utf-8")
    assert report.failed_cases([path]) == "unit.test_it.bad, broken"
    assert report.failed_cases([path], most=1) == "unit.test_it.bad, and 1 more"


def test_the_last_failed_task_is_found_in_what_molecule_shows() -> None:
    output = (
        "  \x1b[2m│\x1b[0m TASK [Take it]\n  │   ****\n"
        "  \x1b[2m│\x1b[0m \x1b[0;31mfatal: [web1]: FAILED! => {}\x1b[0m\n"
        "  \x1b[2m│\x1b[0m TASK [Give it back] *****\n"
        "  \x1b[2m│\x1b[0m \x1b[0;31mfatal: [web2]: FAILED! => {}\x1b[0m\n"
    )
    assert report.failed_task(output) == "TASK [Give it back] fatal: [web2]: FAILED! => {}"
    assert report.failed_task("TASK [Take it]\nok: [web1]\n") == ""
