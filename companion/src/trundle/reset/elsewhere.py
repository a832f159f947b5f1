# SPDX-License-Identifier: BSD-3-Clause
"""The other databases of the settings, and which of the replaced migrations they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder


@dataclass(frozen=True)
class Elsewhere:
    alias: str
    missing: tuple[str, ...] = ()
    error: str | None = None

    def warning(self, label: str) -> str:
        mend = f"manage.py migrate {label} --database={self.alias}"
        if self.error:
            return f"The database {self.alias!r} could not be asked for its migrations of {label}: {self.error}"
        if self.missing:
            return (
                f"The database {self.alias!r} has some of the old migrations of {label} but not "
                f"{', '.join(self.missing)}. Move the old files back for a moment and apply these to it; "
                f"then, with the new file: {mend}"
            )
        return (
            f"The database {self.alias!r} has the old migrations of {label}, whose files are gone. "
            f"Record the new one there: {mend}"
        )


def databases_elsewhere(label: str, replaced: Sequence[str], *, but: str) -> Iterator[Elsewhere]:
    for alias in connections:
        if alias == but:
            continue
        try:
            recorded = MigrationRecorder(connections[alias]).applied_migrations()
        except (DatabaseError, ImproperlyConfigured) as exc:
            yield Elsewhere(alias, error=type(exc).__name__)
            continue
        missing = tuple(name for name in replaced if (label, name) not in recorded)
        if len(missing) < len(replaced):
            yield Elsewhere(alias, missing)
