# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import scenarios


def test_each_scenario_is_either_usual_or_long() -> None:
    assert sorted([*scenarios.usual(), *scenarios.LONG]) == scenarios.available()


def test_what_runs_beside_others_is_no_long_one() -> None:
    assert set(scenarios.PATIENT) <= set(scenarios.usual())
