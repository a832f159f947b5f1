# SPDX-License-Identifier: BSD-3-Clause
"""Replace an app's migrations by one initial migration, and leave its tables alone.

The new migration names the old ones in `replaces`, as a squashed one does. So migrations of other apps may go on
depending on the old ones, and a database that has all of these takes the new one for applied by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.exceptions import CircularDependencyError
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration, swappable_dependency
from django.db.migrations.operations.base import Operation
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from trundle.reset.elsewhere import Elsewhere, databases_elsewhere
from trundle.reset.errors import ResetError
from trundle.reset.files import Move, moves_of
from trundle.reset.guard import check_apps, database_name
from trundle.reset.lost import lost_operations

Key = tuple[str, str]
"""Label and name of a migration."""


@dataclass(frozen=True)
class SoftReset:
    """Of one app."""

    label: str
    name: str
    replaces: tuple[str, ...]
    path: Path
    text: str
    moves: tuple[Move, ...]
    lost: tuple[str, ...]
    elsewhere: tuple[Elsewhere, ...]


@dataclass(frozen=True)
class SoftPlan:
    labels: tuple[str, ...]
    alias: str
    database: str
    vendor: str
    resets: tuple[SoftReset, ...]


class _ReplacedLoader(MigrationLoader):
    """The migrations as they will be."""

    def __init__(self, replacements: dict[str, Migration]) -> None:
        self._replacements = replacements
        # As in a new database: that no record matters shows that the files alone are in order.
        super().__init__(None)

    def load_disk(self) -> None:
        super().load_disk()
        for key in [key for key in self.disk_migrations if key[0] in self._replacements]:
            del self.disk_migrations[key]
        for migration in self._replacements.values():
            key = migration.app_label, migration.name
            dependencies = [_resolved(dependency) for dependency in migration.dependencies]
            self.disk_migrations[key] = _made(*key, [*migration.operations], dependencies, [*migration.replaces])


def _resolved(dependency: Key) -> Key:
    """A model that a setting names is written as such, and known when the file is loaded."""
    if dependency[0] != "__setting__":
        return dependency
    named: Key = swappable_dependency(getattr(settings, dependency[1]))
    return named


def make_soft_plan(labels: tuple[str, ...], alias: str) -> SoftPlan:
    connection = connections[alias]
    loader = MigrationLoader(connection)
    check_apps(labels, loader)
    for label in labels:
        _check_history(label, loader, alias)
    migrations = _initial_migrations(labels, loader)
    _check_order(migrations)
    return SoftPlan(
        labels=labels,
        alias=alias,
        database=database_name(connection),
        vendor=connection.display_name,
        resets=tuple(_reset_of(migrations[label], loader, alias) for label in labels),
    )


def _check_history(label: str, loader: MigrationLoader, alias: str) -> None:
    """The new migration is recorded as applied, so the database must have what it makes."""
    nodes = [key for key in loader.graph.nodes if key[0] == label]
    missing = sorted(name for _app, name in nodes if (label, name) not in loader.applied_migrations)
    if missing:
        raise ResetError(
            f"Migrations of {label} are not applied to the database {alias!r} yet: {', '.join(missing)}. "
            f"Apply them first: manage.py migrate {label} --database={alias}"
        )
    if len(nodes) == 1:
        raise ResetError(f"{label} has one migration only, {nodes[0][1]}: there is nothing to replace.")


def _check_order(migrations: dict[str, Migration]) -> None:
    try:
        loader = _ReplacedLoader(migrations)
        for label, migration in migrations.items():
            loader.project_state((label, migration.name)).apps  # noqa: B018  (made when they are first asked for)
    except (CircularDependencyError, ValueError) as exc:
        raise ResetError(
            f"These apps and others hold keys into one another, so one initial migration of {', '.join(migrations)} "
            f"has no place in the order: {exc}. Keep the migrations, or squash a part of them: "
            "manage.py squashmigrations"
        ) from exc


def _initial_migrations(labels: tuple[str, ...], loader: MigrationLoader) -> dict[str, Migration]:
    """Of the state that the old migrations lead to, not of the models: what is not migrated yet stays so."""
    state = loader.project_state()
    others = {key: model.clone() for key, model in state.models.items() if key[0] not in labels}
    questioner = NonInteractiveMigrationQuestioner(specified_apps=set(labels), dry_run=True)
    detector = MigrationAutodetector(ProjectState(others, real_apps=state.real_apps), state, questioner)
    changes = detector.changes(graph=_graph_of_others(labels, loader), trim_to_apps=set(labels))
    names = {label: _new_name(label, loader) for label in labels}
    return {label: _initial(label, names, changes.get(label, []), loader) for label in labels}


def _initial(label: str, names: dict[str, str], made: list[Migration], loader: MigrationLoader) -> Migration:
    """The detector splits where apps need one another, more than it must; what cannot be one shows in the order."""
    operations = MigrationOptimizer().optimize([found for part in made for found in part.operations], label)
    needed = {key for part in made for key in part.dependencies if key[0] != label}
    dependencies = {
        # The detector has names of its own for the new ones.
        (app, names[app]) if app in names else _free_of(set(names), (app, name), loader)
        for app, name in needed
    }
    return _made(label, names[label], operations, sorted(dependencies), _all_names(label, loader))


def _made(
    label: str, name: str, operations: list[Operation], dependencies: list[Key], replaces: list[Key]
) -> Migration:
    parts = {"initial": True, "operations": operations, "dependencies": dependencies, "replaces": replaces}
    migration: Migration = type("Migration", (Migration,), parts)(name, label)
    return migration


def _free_of(labels: set[str], dependency: Key, loader: MigrationLoader) -> Key:
    """The detector names the last migration of another app. Where that needs these apps, an earlier one may do."""
    if dependency not in loader.graph.nodes:
        return dependency
    earlier: list[Key] = loader.graph.forwards_plan(dependency)
    for key in reversed(earlier):
        if key[0] == dependency[0] and not any(app in labels for app, _name in loader.graph.forwards_plan(key)):
            return key
    return dependency


def _graph_of_others(labels: tuple[str, ...], loader: MigrationLoader) -> MigrationGraph:
    graph = MigrationGraph()
    kept = [key for key in loader.graph.nodes if key[0] not in labels]
    for key in kept:
        graph.add_node(key, loader.graph.nodes[key])
    for key in kept:
        for parent in loader.graph.node_map[key].parents:
            if parent.key in graph.nodes:
                graph.add_dependency(None, key, parent.key)
    return graph


def _all_names(label: str, loader: MigrationLoader) -> list[Key]:
    """Of the files, and of those that squashed ones among them have replaced: other apps may depend on these."""
    mine = {key: migration for key, migration in loader.disk_migrations.items() if key[0] == label}
    squashed = {(app, name) for migration in mine.values() for app, name in migration.replaces if app == label}
    return sorted({*mine, *squashed})


def _new_name(label: str, loader: MigrationLoader) -> str:
    """Numbered on: a name that was used before would be taken for applied wherever it is recorded."""
    numbers = [MigrationAutodetector.parse_number(name) or 0 for _app, name in _all_names(label, loader)]
    return f"{max(numbers) + 1:04d}_initial"


def _reset_of(migration: Migration, loader: MigrationLoader, alias: str) -> SoftReset:
    label = migration.app_label
    writer = MigrationWriter(migration)
    old = [found for key, found in sorted(loader.disk_migrations.items()) if key[0] == label]
    replaced = [name for _app, name in migration.replaces]
    return SoftReset(
        label=label,
        name=migration.name,
        replaces=tuple(replaced),
        path=Path(writer.path),
        text=writer.as_string(),
        moves=moves_of(old, Path(writer.path)),
        lost=tuple(lost_operations(old)),
        elsewhere=tuple(databases_elsewhere(label, replaced, but=alias)),
    )


def describe(plan: SoftPlan) -> Iterator[str]:
    yield f"Soft reset of {', '.join(plan.labels)} in the {plan.vendor} database {plan.database!r} ({plan.alias})"
    for reset in plan.resets:
        yield f"{reset.label}: write {reset.path} and record it as applied"
        yield f"{reset.label}: move aside"
        yield from (f"  {move.source} -> {move.target}" for move in reset.moves)
        if reset.lost:
            yield f"{reset.label}: these operations are lost, so a new database will be without what they did"
            yield from (f"  {lost}" for lost in reset.lost)
    yield "No table is touched."
    yield from _warnings(plan)


def _warnings(plan: SoftPlan) -> Iterator[str]:
    """What is to do for the databases that have the old migrations, ghosts when their files are gone."""
    for reset in plan.resets:
        for found in reset.elsewhere:
            yield f"Warning: {found.warning(reset.label)}"
        last = reset.moves[-1].source.stem
        yield (
            f"Warning: any other database that has the old migrations of {reset.label}, a deployed one for example, "
            f"will have ghost migrations too. It must have all of them (up to {last}) before it gets the new files; "
            f"then this records the new one there: manage.py migrate {reset.label}"
        )
