# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: options in, result out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.migrate import Project
from ansible_collections.trundle.django.plugins.modules import migrations_info

Call = Callable[..., dict[str, Any]]


def test_the_code_to_go_back_to_is_asked_in_its_own_interpreter(
    call_module: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def stand_in(project: Project, target: Project, linter: Path) -> dict[str, Any]:
        seen.extend([project, target, linter])
        return {"changed": False, "compatible": True, "ahead": ["shop.0002_v2"], "warnings": []}

    monkeypatch.setattr(migrations_info, "look_back", stand_in)
    result = call_module(
        migrations_info,
        project_path="/srv/v2",
        python="/srv/v2/.venv/bin/python",
        target_project_path="/srv/v1",
        target_python="/srv/v1/.venv/bin/python",
        target_environment={"TRUNDLE_RELEASE": "v1"},
        environment={"TRUNDLE_RELEASE": "v2"},
        database="other",
    )
    assert result["compatible"] is True
    # A value of the environment, which is no reason to mask a name.
    assert result["ahead"] == ["shop.0002_v2"]
    project, target, linter = seen
    assert (project.path, project.environment) == (Path("/srv/v2"), {"TRUNDLE_RELEASE": "v2"})
    assert (target.path, target.environment) == (Path("/srv/v1"), {"TRUNDLE_RELEASE": "v1"})
    assert (target.python, target.database) == ("/srv/v1/.venv/bin/python", "other")
    assert linter == Path("/var/cache/trundle/linter")


def test_a_failure_is_told(call_module: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> dict[str, Any]:
        raise TrundleError("Failed to read the applied migrations: it is away.")

    monkeypatch.setattr(migrations_info, "look_back", fail)
    result = call_module(migrations_info, project_path="/srv/v2", target_project_path="/srv/v1")
    assert result["msg"] == "Failed to read the applied migrations: it is away."
