# SPDX-License-Identifier: BSD-3-Clause
"""Carry a plan out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.apps import apps
from django.apps.registry import Apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState, StateApps

from trundle.reset import holders
from trundle.reset.history import History
from trundle.reset.plan import Plan

Tell = Callable[[str], object]


def carry_out(plan: Plan, *, tell: Tell, verbosity: int) -> None:
    connection = connections[plan.alias]
    executor = MigrationExecutor(connection)
    after = History(executor, plan.labels).state_after()
    signal_plan = [(migration, False) for migration in plan.created]
    emit_pre_migrate_signal(verbosity, False, plan.alias, plan=signal_plan)
    with _unit(connection, whole=plan.in_parts is None):
        _drop(connection, executor, plan)
        _replay(connection, executor, plan, tell)
        with connection.schema_editor() as editor:
            holders.attach(connection, editor, plan.reach.keys)
        plan.stale_types.delete("contenttypes.ContentType", plan.alias)
        emit_post_migrate_signal(verbosity, False, plan.alias, apps=_final_apps(after), plan=signal_plan)


@contextmanager
def _unit(connection: BaseDatabaseWrapper, *, whole: bool) -> Iterator[None]:
    if not whole:
        yield
        return
    # SQLite can only be told outside of a transaction not to check keys, and its schema editor insists on that.
    with connection.constraint_checks_disabled(), transaction.atomic(using=connection.alias):
        yield


def _drop(connection: BaseDatabaseWrapper, executor: MigrationExecutor, plan: Plan) -> None:
    executor.recorder.ensure_schema()
    with connection.constraint_checks_disabled():
        plan.stale_permissions.delete("auth.Permission", plan.alias)
        for key in plan.generic:
            key.delete(plan.alias)
        _settle(connection)
        with connection.schema_editor() as editor:
            holders.detach(editor, plan.reach.keys)
            holders.empty(editor, plan.reach)
            _settle(connection)
            for table in plan.dropped:
                editor.delete_model(_bare_model(table))
    executor.recorder.migration_qs.filter(app__in=plan.labels).delete()


def _replay(connection: BaseDatabaseWrapper, executor: MigrationExecutor, plan: Plan, tell: Tell) -> None:
    state = ProjectState(real_apps=executor.loader.unmigrated_apps)
    for migration in plan.replay:
        if migration.app_label not in plan.labels:
            state = migration.mutate_state(state, preserve=False)
            continue
        tell(f"Applying {migration.app_label}.{migration.name}")
        state.apps  # noqa: B018  (rendered once here, and not at each operation)
        state = executor.apply_migration(state, migration)
        _settle(connection)
    executor.check_replacements()


def _settle(connection: BaseDatabaseWrapper) -> None:
    """PostgreSQL alters no table in a transaction that has put off checks of it."""
    if connection.in_atomic_block:
        connection.check_constraints()


def _bare_model(table: str) -> type[models.Model]:
    """A model for a table of which the name is all that is sure: no model need be left that describes it."""
    meta = type("Meta", (), {"app_label": "trundle", "db_table": table, "apps": Apps()})
    return type("Table", (models.Model,), {"__module__": __name__, "Meta": meta})


def _final_apps(state: ProjectState) -> StateApps:
    """The models that `migrate` hands to post_migrate: those of apps without migrations with their relations, too."""
    state.clear_delayed_apps_cache()
    registry = state.apps
    keys = [(model.app_label, model.name_lower) for model in registry.real_models]
    with registry.bulk_update():
        for key in keys:
            registry.unregister_model(*key)
    registry.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    return registry
