# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collecting program, which runs in the project's own Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import (
    collect_cache,
    collect_compress,
    collect_fast,
    collect_graph,
    collect_inspect,
    collect_memory,
    collect_output,
    collect_own,
    collect_project,
    collect_prune,
    collect_report,
    collect_scan,
    collect_sources,
    collect_storage,
    collect_view,
    collect_worker,
    project_setup,
)
from ansible_collections.trundle.django.plugins.module_utils.project_process import (
    Program,
    Progress,
    run_program,
)

PROGRAM = Program(
    "collecting",
    # In the order in which they are loaded.
    (
        collect_report,
        project_setup,
        collect_storage,
        collect_project,
        collect_own,
        collect_graph,
        collect_scan,
        collect_sources,
        collect_cache,
        collect_prune,
        collect_output,
        collect_view,
        collect_memory,
        collect_inspect,
        collect_compress,
        collect_fast,
        collect_worker,
    ),
)


def run_worker(
    python: str,
    request: Mapping[str, Any],
    environment: Mapping[str, str | None],
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Collect in the project's Python and return what it did; its refusal is raised."""
    return run_program(python, PROGRAM, request, environment, progress=progress)
