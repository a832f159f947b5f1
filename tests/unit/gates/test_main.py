# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from base import ROOT, Result

PATH = ROOT / "tests" / "gates" / "__main__.py"


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The runner, which is a folder and so has no name to be imported by."""
    spec = importlib.util.spec_from_file_location("gates_main", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gates_main", module)
    spec.loader.exec_module(module)
    return module


def parts(plan: Any) -> Iterator[str]:
    for lane in [*(lane for stage in plan.stages for lane in stage.lanes), *plan.spare]:
        yield from lane


@pytest.mark.parametrize("group", [None, Path("group")])
def test_a_whole_run_has_each_part_once(gates: Any, monkeypatch: pytest.MonkeyPatch, group: Path | None) -> None:
    monkeypatch.setattr(gates.background, "group", lambda: group)
    quick = [*gates.READ, *gates.COMPANION, *gates.units.parts()]
    hosts = ["integration", *gates.scenarios.parts()]
    assert sorted(parts(gates.plan("test-quick"))) == sorted(quick)
    assert sorted(parts(gates.plan("hosts"))) == sorted(hosts)
    assert sorted(parts(gates.plan("test"))) == sorted([*quick, *hosts])


def test_what_spare_parts_found_is_counted(gates: Any) -> None:
    def lane(name: str, failed: int = 0) -> dict[str, Any]:
        return {name: lambda: [Result(name, passed=1 - failed, failed=failed)]}

    stages = [gates.Stage([lane("a"), lane("b")]), gates.Stage([lane("c")])]
    results = gates._follow(gates.Plan(stages, [lane("d", failed=1)]))
    assert (len(results), sum(result.failed for result in results)) == (4, 1)
