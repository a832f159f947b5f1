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
                f"The database {self.alias!r} will have ghost migrations of {label}: it has some of the old ones, but "
                f"not {', '.join(self.missing)}. Apply these before the old files go: {mend} "
                "(the same command again afterwards records the new one)"
            )
        return (
            f"The database {self.alias!r} will have ghost migrations of {label}: the old ones, whose files go. "
            f"This records the new one there afterwards: {mend}"
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
