# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does: arguments in, one JSON document out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils import _internal
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args

Call = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def no_warnings_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """ansible-core keeps a module's warnings for the whole process, which is one module's life elsewhere."""
    monkeypatch.setattr(warnings, "_global_warnings", {})


@pytest.fixture(autouse=True)
def not_the_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of plugins load the controller's code here, and a module's warnings would go to its display."""
    monkeypatch.setattr(_internal, "is_controller", False)


@pytest.fixture
def call_module(capsys: pytest.CaptureFixture[str]) -> Call:
    """call_module(module, check=..., **options) -> what the module returns."""

    def call(module: Any, *, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(given), pytest.raises(SystemExit) as ended:
            module.main()
        result = dict(json.loads(capsys.readouterr().out))
        assert bool(ended.value.code) == bool(result.get("failed"))
        assert "warnings" not in result, result["warnings"]
        return result

    return call
