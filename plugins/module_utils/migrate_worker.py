# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and runs migrations inside the project's own Python, with the project's own Django.

Its text and that of the modules it imports are handed to ``python -``: the standard library and Django only,
Python 3.8 and newer. The answer leaves on a descriptor of its own.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NoReturn

from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel
from ansible_collections.trundle.django.plugins.module_utils.migrate_apply import Run
from ansible_collections.trundle.django.plugins.module_utils.migrate_lock import cause_of, read_only
from ansible_collections.trundle.django.plugins.module_utils.migrate_plan import Reader, find_linter, state_tables
from ansible_collections.trundle.django.plugins.module_utils.project_setup import (
    RefusedError,
    last_line,
    load_project,
)


def main(request: dict[str, Any], descriptor: int) -> NoReturn:
    channel = Channel(descriptor)
    status = 0
    try:
        settings = load_project(request, ["migrate", "--noinput"])
        answer = {"result": {"warnings": [], **ACTIONS[request["action"]](request, settings)}}
    except RefusedError as exc:
        answer = {"error": {"message": exc.message, **exc.details}}
    except BaseException as exc:  # settings may even call sys.exit()
        answer = {"error": {"message": f"{request['failure']}: {last_line(exc, request['project_path'])}"}}
    try:
        channel.send(answer)
    except OSError:
        status = 1
    sys.stdout.flush()
    os._exit(status)


def connect(request: dict[str, Any]) -> Any:
    """The connection; a database that is away for a moment is waited for."""
    from django.db import OperationalError, connections

    alias = request["database"]
    if alias not in connections.settings:
        raise RefusedError(
            f"The settings have no database '{alias}': DATABASES names {', '.join(connections.settings)}."
        )
    for attempt in range(request["retries"] + 1):
        try:
            connections[alias].ensure_connection()
            break
        except OperationalError as exc:
            if cause_of(exc) != "lost" or attempt == request["retries"]:
                raise
            time.sleep(min(10.0, 2.0**attempt))
    return connections[alias]


def load_migrations(request: dict[str, Any]) -> tuple[Any, Any]:
    """The connection, for reading alone, and what Django knows of migrations, checked as its own command does."""
    from django.db.migrations.executor import MigrationExecutor

    connection = connect(request)
    read_only(connection)
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    conflicts = executor.loader.detect_conflicts()
    if conflicts:
        names = "; ".join(f"{app}: {', '.join(sorted(leaves))}" for app, leaves in sorted(conflicts.items()))
        raise RefusedError(
            f"Some apps have more than one last migration ({names}). Merge them: 'manage.py makemigrations --merge'."
        )
    return connection, executor


def read_plan(request: dict[str, Any], settings: Any) -> dict[str, Any]:
    """What is pending, and what it would do."""
    connection, executor = load_migrations(request)
    graph = executor.loader.graph
    steps = [migration for migration, _backwards in executor.migration_plan(graph.leaf_nodes())]
    applied = [key for key in executor.loader.applied_migrations if key in graph.nodes]
    return {**describe(request, settings, connection, executor, steps, applied), "fresh": not applied}


def describe(
    request: dict[str, Any], settings: Any, connection: Any, executor: Any, steps: list[Any], applied: list[Any]
) -> dict[str, Any]:
    """Steps from the state of what is applied before them."""
    result: dict[str, Any] = {"vendor": connection.vendor, "linter": None, "migrations": [], "tables": {}}
    if not steps:
        return result
    linter, reason = find_linter(connection.vendor, request["linter"], settings)
    state = executor.loader.project_state(applied)
    result.update(linter=reason, tables=state_tables(state, connection))
    reader = Reader(connection, linter, state, request["project_path"])
    result["migrations"] = [reader.read(migration) for migration in steps]
    return result


def read_tables(request: dict[str, Any], _settings: Any) -> dict[str, Any]:
    """What this code expects of the database: its tables, and the migrations that it knows."""
    from django.apps import apps
    from django.db import connections
    from django.db.migrations.loader import MigrationLoader

    connection = connections[request["database"]]
    loader = MigrationLoader(None, ignore_no_migrations=True)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known.update(tuple(key) for key in migration.replaces)
    return {
        "tables": state_tables(apps, connection),
        "known": sorted([app, name] for app, name in known),
        "apps": sorted(loader.migrated_apps),
    }


def read_ahead(request: dict[str, Any], settings: Any) -> dict[str, Any]:
    """Applied migrations that other code, of which `known` and `apps` tell, does not have."""
    connection, executor = load_migrations(request)
    loader = executor.loader
    known = {tuple(known) for known in request["known"]}
    ahead = {key for key in loader.applied_migrations if key not in known and key in loader.graph.nodes}
    ahead = {key for key in ahead if not (set(loader.disk_migrations[key].replaces) & known)}
    plan = executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True)
    steps = [migration for migration, _backwards in plan if (migration.app_label, migration.name) in ahead]
    before = [key for key in loader.applied_migrations if key in loader.graph.nodes and key not in ahead]
    result = describe(request, settings, connection, executor, steps, before)
    return {**result, "strangers": strangers(executor, known, set(request["apps"]))}


def strangers(executor: Any, known: set[Any], apps: set[str]) -> list[str]:
    """Applied migrations that neither code has, of apps that the other one has.

    Old ones are what was squashed since; one that came after all that the other code knows belongs to a release
    that is gone.
    """
    loader = executor.loader
    rows = executor.recorder.applied_migrations()
    newest: dict[str, Any] = {}
    for (app, name), row in rows.items():
        if (app, name) in known:
            newest[app] = max(newest.get(app, row.applied), row.applied)
    on_disk = set(loader.disk_migrations)
    replaced = {tuple(key) for migration in loader.disk_migrations.values() for key in migration.replaces}
    return sorted(
        f"{app}.{name}"
        for (app, name), row in rows.items()
        if (app, name) not in known | on_disk | replaced
        and app in apps
        and (app not in newest or row.applied > newest[app])
    )


def apply(request: dict[str, Any], _settings: Any) -> dict[str, Any]:
    return Run(request, connect(request)).run()


ACTIONS = {"plan": read_plan, "tables": read_tables, "ahead": read_ahead, "apply": apply}
