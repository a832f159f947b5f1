# SPDX-License-Identifier: BSD-3-Clause
"""Carry a soft plan out."""

from __future__ import annotations

from contextlib import ExitStack

from django.db import connections, transaction
from django.db.migrations.recorder import MigrationRecorder

from trundle.reset.errors import ResetError
from trundle.reset.files import swapped
from trundle.reset.soft import SoftPlan


def carry_out(plan: SoftPlan) -> None:
    """The files are put back unless the records are committed."""
    try:
        with ExitStack() as files:
            for reset in plan.resets:
                files.enter_context(swapped(reset.path, reset.text, reset.moves))
            _record(plan)
    except OSError as exc:
        raise ResetError(f"Failed to replace the migration files, so all is as before: {exc}") from exc


def _record(plan: SoftPlan) -> None:
    recorder = MigrationRecorder(connections[plan.alias])
    with transaction.atomic(using=plan.alias):
        recorded = recorder.applied_migrations()
        for reset in plan.resets:
            # The replaced ones too: Django takes the new one for applied only where all of them are recorded.
            for name in (*reset.replaces, reset.name):
                if (reset.label, name) not in recorded:
                    recorder.record_applied(reset.label, name)
