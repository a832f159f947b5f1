# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what build steps have made that are no longer there: else later releases would go on to ship it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import build_step_files as step_files
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import PASSED_OVER, STATE_FOLDER
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import read_bytes


@dataclass(frozen=True)
class Stale:
    """What a step has left: the file that tells of it, and those of its outputs that are still there."""

    state: Path
    outputs: Sequence[Path]


def outputs_of(folder: Path, steps: Sequence[Mapping[str, Any]]) -> set[Path]:
    """The outputs of steps whose chdir is relative to the folder."""
    found = set()
    for step in steps:
        outputs = step.get("outputs")
        if not isinstance(outputs, list) or not outputs:
            raise TrundleError(f"Each of the steps needs its outputs, as a list; one has {outputs!r}.")
        found |= {_normal(folder / (step.get("chdir") or "") / name) for name in outputs}
    return found


def find_stale(root: Path, kept: set[Path]) -> list[Stale]:
    """The steps below a folder that have outputs which are not kept."""
    root = root.resolve()
    kept = {_real(path) for path in kept}
    found = []
    for state in _states(root):
        outputs = {_real(_normal(state.parent.parent / name)) for name in _names(state)}
        if not outputs or outputs <= kept:
            continue
        # A name may come from the project's own repository, so it has to stay in its folder.
        inside = [path for path in sorted(outputs) if root in path.parents and ".git" not in path.parts]
        free = [path for path in inside if not any(_overlap(path, other) for other in kept)]
        found.append(Stale(state, [path for path in free if os.path.lexists(path)]))
    return found


def remove_stale(stale: Sequence[Stale]) -> None:
    try:
        for step in stale:
            for path in step.outputs:
                step_files.remove(path)
            # Last, so that a run that is killed goes on where it was.
            step.state.unlink()
            step.state.with_suffix(".lock").unlink(missing_ok=True)
    except OSError as exc:
        raise TrundleError(f"Failed to remove what a build step has made: {exc}") from exc


def _states(root: Path) -> Iterator[Path]:
    for parent, folders, _names_here in os.walk(root):
        if STATE_FOLDER in folders:
            yield from sorted(Path(parent, STATE_FOLDER).glob("*.json"))
        folders[:] = sorted(set(folders) - PASSED_OVER)


def _names(state: Path) -> list[str]:
    """The outputs that a state tells of; none where it is damaged or of another kind."""
    try:
        told = json.loads(read_bytes(state) or b"{}")
    except ValueError:
        return []
    names = told.get("names") if isinstance(told, dict) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _overlap(path: Path, other: Path) -> bool:
    return path == other or path in other.parents or other in path.parents


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _real(path: Path) -> Path:
    """Without links on the way to it; it may be one itself."""
    return path.parent.resolve() / path.name
