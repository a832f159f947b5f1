# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drain mark of a host: its health view tells the balancer to send no more traffic.

It stands in <root>/state.json, which django-trundle reads, and in a file that nginx looks for, since not every site has
django-trundle. The state is written first and cleared last: as long as any mark is set, the state tells so, and a run
that comes after one that was cut off clears both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree

_TEXT = b"While this file is there, nginx tells the load balancer that the host is unhealthy.\n"


@dataclass(frozen=True)
class Marks:
    """Which of both marks are set."""

    state: bool
    file: bool


def read(tree: Tree, path: Path | None) -> Marks:
    return Marks(state=states.read(tree.state_path).draining, file=path is not None and path.exists())


def wanted(path: Path | None, *, drained: bool) -> Marks:
    return Marks(state=drained, file=drained and path is not None)


def apply(tree: Tree, path: Path | None, *, drained: bool) -> None:
    """Set or clear both marks, for a root that is there."""
    with tree.lock():
        if drained:
            _write_state(tree, draining=True)
        if path is not None:
            _write_file(path, drained=drained)
        if not drained:
            _write_state(tree, draining=False)


def _write_state(tree: Tree, *, draining: bool) -> None:
    found = states.read(tree.state_path)
    if found.draining != draining:
        states.write(tree.state_path, replace(found, draining=draining))


def _write_file(path: Path, *, drained: bool) -> None:
    if drained:
        atomic_write(path, _TEXT)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise TrundleError(f"Failed to remove the drain mark {path}: {exc.strerror}") from exc
