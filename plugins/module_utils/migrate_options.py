# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules of migrations share: a project, what it runs with, and the other one it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.environment_file import read_environment
from ansible_collections.trundle.django.plugins.module_utils.migrate import Project


def project_spec(other: str, *, required: bool) -> dict[str, dict[str, Any]]:
    return {
        "project_path": {"type": "path", "required": True},
        "python": {"type": "path"},
        "settings": {"type": "str"},
        "environment": {"type": "dict", "default": {}, "no_log": True},
        "environment_file": {"type": "path"},
        "user": {"type": "str"},
        "database": {"type": "str", "default": "default"},
        f"{other}_project_path": {"type": "path", "required": required},
        f"{other}_python": {"type": "path"},
        f"{other}_environment": {"type": "dict", "default": {}},
        "linter_path": {"type": "path", "default": "/var/cache/trundle/linter"},
    }


def project_of(params: Mapping[str, Any]) -> Project:
    path = params["environment_file"]
    return Project(
        path=Path(params["project_path"]),
        python=params["python"],
        settings=params["settings"],
        environment={**(read_environment(path) if path else {}), **texts(params["environment"])},
        user=params["user"],
        database=params["database"],
        retries=params.get("retries", 0),
    )


def other_project(project: Project, params: Mapping[str, Any], other: str) -> Project | None:
    """The code that runs, or that is gone back to, with what the project runs with."""
    path = params[f"{other}_project_path"]
    if path is None:
        return None
    environment = {**project.environment, **texts(params[f"{other}_environment"])}
    return replace(project, path=Path(path), python=params[f"{other}_python"], environment=environment)


def texts(environment: Mapping[str, Any]) -> dict[str, str | None]:
    return {str(name): None if value is None else str(value) for name, value in environment.items()}
