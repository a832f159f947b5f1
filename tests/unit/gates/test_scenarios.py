# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import scenarios


def test_each_scenario_is_either_usual_or_long() -> None:
    assert not set(scenarios.usual()) & set(scenarios.LONG)
    assert set(scenarios.available()) <= {*scenarios.usual(), *scenarios.LONG}


def test_a_test_run_has_a_part_for_each_usual_scenario() -> None:
    assert list(scenarios.parts()) == [f"molecule-{name}" for name in scenarios.usual()]


def test_the_patient_scenarios_are_usual_ones() -> None:
    assert set(scenarios.PATIENT) <= set(scenarios.parts())


def test_a_usual_scenario_is_deployed_by_the_newest_python_and_another_by_the_usual_one() -> None:
    assert set(scenarios.NEWEST) < set(scenarios.usual())
