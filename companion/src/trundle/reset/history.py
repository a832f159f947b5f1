# SPDX-License-Identifier: BSD-3-Clause
"""The migrations of a project, and the states that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.state import ProjectState

from trundle.reset.errors import ResetError


class History:
    """What has been applied to one database, seen from a reset of the apps `labels`."""

    def __init__(self, executor: MigrationExecutor, labels: Collection[str]) -> None:
        self._executor = executor
        self._labels = labels

    @property
    def loader(self) -> MigrationLoader:
        return self._executor.loader

    def replay(self) -> list[Migration]:
        """The migrations of the apps and all that these depend on, in the order of a new database.

        Nothing else belongs into the replay: migrations that came later, of apps that point at these, describe tables
        that look different by now.
        """
        return self._plan([leaf for label in self._labels for leaf in self.loader.graph.leaf_nodes(label)])

    def check_replay(self) -> None:
        missing = [
            f"{migration.app_label}.{migration.name}"
            for migration in self.replay()
            if migration.app_label not in self._labels and not self._is_applied(migration)
        ]
        if missing:
            raise ResetError(
                f"The migrations depend on some that are not applied: {', '.join(missing)}. "
                "Apply these first by manage.py migrate, or name their apps too."
            )

    def state_after(self) -> ProjectState:
        """All apps as the database will be: these by all their migrations, others by what was applied."""
        return self._state(lambda migration: migration.app_label in self._labels or self._is_applied(migration))

    def state_before(self) -> ProjectState | None:
        """All apps as the records say that the database is; None where they contradict one another."""
        try:
            state = self._state(self._is_applied)
            state.apps  # noqa: B018  (the models are made when they are first asked for)
        except (KeyError, LookupError, ValueError):
            return None
        return state

    def _plan(self, targets: list[tuple[str, str]]) -> list[Migration]:
        return [migration for migration, _backwards in self._executor.migration_plan(targets, clean_start=True)]

    def _state(self, wanted: Callable[[Migration], bool]) -> ProjectState:
        state = ProjectState(real_apps=self.loader.unmigrated_apps)
        for migration in self._plan(list(self.loader.graph.leaf_nodes())):
            if wanted(migration):
                state = migration.mutate_state(state, preserve=False)
        return state

    def _is_applied(self, migration: Migration) -> bool:
        return (migration.app_label, migration.name) in self.loader.applied_migrations
