# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Retire releases in a store: their records go, and when the grace period is over what only they referred to.

A record goes before anything that it refers to, so a run that is cut off leaves files too many and never one too few.
What is deleted is kept apart from what is published at the same time by a sweep (sweep.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from ansible_collections.trundle.django.plugins.module_utils.in_use import note_key, write_note
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps
from ansible_collections.trundle.django.plugins.module_utils.published import record_key
from ansible_collections.trundle.django.plugins.module_utils.retire_plan import Plan, Policy, make_plan
from ansible_collections.trundle.django.plugins.module_utils.store import Store
from ansible_collections.trundle.django.plugins.module_utils.store_retry import tried_again
from ansible_collections.trundle.django.plugins.module_utils.sweep import SETTLE, Sweep
from ansible_collections.trundle.django.plugins.module_utils.unreferenced import Marks, read_marks, write_marks

__all__ = ["Plan", "Policy", "make_plan", "retire"]

# As many as S3 deletes by one request.
BATCH = 1000


@dataclass(frozen=True)
class Sizes:
    """How long to wait for publishes, and how many objects to delete at once."""

    settle: float = SETTLE
    batch: int = BATCH


def retire(store: Store, policy: Policy, plan: Plan, progress: Progress, *, sizes: Sizes | None = None) -> Plan:
    """Carry the plan out, and return what was done: less where something was published meanwhile."""
    for release in plan.new_notes:
        write_note(store, policy.used_by or "", release)
    if plan.doomed:
        plan = _swept(store, policy, plan, progress, sizes or Sizes())
    elif not plan.marks.same(plan.marks_before):
        write_marks(store, plan.marks)
    store.delete([note_key(site, release) for site, release in plan.old_notes])
    return plan


def _swept(store: Store, policy: Policy, plan: Plan, progress: Progress, sizes: Sizes) -> Plan:
    with Sweep(store, plan.doomed, settle=sizes.settle, waiting=lambda: progress.tell("settle")) as sweep:
        progress.tell("list")
        found = make_plan(store, policy, announced=plan)
        # Before the records go: what they referred to is known by them alone.
        write_marks(store, found.marks)
        _delete(store, [record_key(release) for release in found.retired], sweep.hold, sizes.batch)
        names = sorted(found.deleted)
        steps = Steps(progress, "delete", len(names))
        _delete(store, names, sweep.hold, sizes.batch, steps.done)
    if names:
        left = {name: at for name, at in found.marks.since.items() if name not in found.deleted}
        write_marks(store, Marks(left, found.marks.released & left.keys(), read_marks(store).e_tag))
    return replace(found, new_notes=plan.new_notes, old_notes=plan.old_notes)


@tried_again
def _delete_part(store: Store, names: Collection[str], hold: Callable[[], None]) -> None:
    hold()
    store.delete(names)


def _delete(
    store: Store,
    names: Collection[str],
    hold: Callable[[], None],
    batch: int,
    done: Callable[[], None] = lambda: None,
) -> None:
    ordered = list(names)
    for start in range(0, len(ordered), batch):
        part = ordered[start : start + batch]
        _delete_part(store, part, hold)
        for _name in part:
            done()
