# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits the manifest of a collection to a git repository, for those who want it there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.git_commit import Outcome, commit_file


def commit_manifest(wanted: Mapping[str, Any] | None, options: Options, collected: Collected) -> Outcome:
    if wanted is None:
        return Outcome(False, None)
    return commit_file(
        Path(wanted["repository"] or options.project_path),
        wanted["path"],
        collected.manifest_data,
        wanted["commit_message"] or f"Static files manifest of {options.release}",
        dry_run=options.dry_run,
    )
