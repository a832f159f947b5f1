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
from ansible_collections.trundle.django.plugins.module_utils.migrate import Options
from ansible_collections.trundle.django.plugins.modules import migrate

Call = Callable[..., dict[str, Any]]

RESULT = {"changed": True, "pending": ["shop.0002_x"], "breaking": [], "warnings": []}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options that the engine got."""
    found: list[Options] = []

    def stand_in(options: Options) -> dict[str, Any]:
        found.append(options)
        return dict(RESULT)

    monkeypatch.setattr(migrate, "migrate", stand_in)
    return found


def test_defaults(call_module: Call, seen: list[Options]) -> None:
    result = call_module(migrate, project_path="/srv/shop")
    assert result["pending"] == ["shop.0002_x"]
    [options] = seen
    assert (options.policy, options.running, options.dry_run) == ("safe", None, False)
    assert (options.lock_timeout, options.statement_timeout, options.lock_wait) == (5, 900, 600)
    assert (options.project.path, options.project.database, options.project.retries) == (
        Path("/srv/shop"),
        "default",
        5,
    )


def test_the_running_code_has_an_environment_on_top(call_module: Call, seen: list[Options], tmp_path: Path) -> None:
    (tmp_path / "shop.env").write_text('A="of the file"\nB=of the file\n')
    result = call_module(
        migrate,
        check=True,
        project_path="/srv/v2",
        python="/srv/v2/.venv/bin/python",
        environment={"B": "of-the-task", "C": 3, "D": None},
        environment_file=str(tmp_path / "shop.env"),
        user="shop",
        running_project_path="/srv/v1",
        running_environment={"C": "of the running code"},
    )
    [options] = seen
    given = {"A": "of the file", "B": "of-the-task", "C": "3", "D": None}
    assert options.project.environment == given
    running = options.running
    assert running is not None
    assert running.environment == {**given, "C": "of the running code"}
    # Each in its own interpreter, as the same user.
    assert (running.path, running.python, running.user) == (Path("/srv/v1"), None, "shop")
    assert options.dry_run
    assert "of-the-task" not in str(result)


def test_the_environment_is_hidden_and_garbles_nothing(call_module: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = {"file": "/srv/shop/releases/v2/shop/migrations/0002_x.py", "table": "shop_product"}

    def stand_in(_options: Options) -> dict[str, Any]:
        return {**RESULT, "breaking": [finding], "diff": {"before": "", "after": "v2"}, "lock": "1"}

    monkeypatch.setattr(migrate, "migrate", stand_in)
    environment = {"TRUNDLE_ROOT": "/srv/shop", "NAME": "shop", "RELEASE": "v2", "DEBUG": "1", "SECRET_KEY": "hunter2"}
    result = call_module(migrate, project_path="/srv/shop/releases/v2", environment=environment)
    assert result["breaking"] == [finding]
    assert (result["pending"], result["diff"]["after"], result["lock"]) == (["shop.0002_x"], "v2", "1")
    assert "hunter2" not in str(result)


@pytest.mark.parametrize("name", ["lock_timeout", "statement_timeout", "retries", "lock_wait"])
def test_less_than_nothing(call_module: Call, seen: list[Options], name: str) -> None:
    result = call_module(migrate, project_path="/srv/shop", **{name: -1})
    assert result["msg"] == f"The option {name} is -1: it cannot be less than 0."
    assert seen == []


def test_a_refusal_comes_with_its_details(call_module: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_options: Options) -> dict[str, Any]:
        raise TrundleError("Refused to migrate: it breaks.", breaking=[{"code": "DROP_COLUMN"}])

    monkeypatch.setattr(migrate, "migrate", refuse)
    result = call_module(migrate, project_path="/srv/shop")
    assert result["failed"]
    assert result["msg"] == "Refused to migrate: it breaks."
    assert result["breaking"] == [{"code": "DROP_COLUMN"}]
