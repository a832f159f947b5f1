# SPDX-License-Identifier: BSD-3-Clause
"""Whether migrations are still to be applied, without importing them all into each process."""

from __future__ import annotations

import pkgutil
from importlib.util import find_spec

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def names_on_disk() -> frozenset[tuple[str, str]]:
    """App label and name of each migration of the project, as Django finds them."""
    return frozenset((config.label, name) for config in apps.get_app_configs() for name in _names_of(config.label))


def _names_of(label: str) -> list[str]:
    module, _explicit = MigrationLoader.migrations_module(label)
    if module is None:
        return []
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return []
    # Like Django: a module that is no package, or a folder without __init__.py, has no migrations.
    if spec is None or spec.origin is None or spec.submodule_search_locations is None:
        return []
    found = pkgutil.iter_modules(list(spec.submodule_search_locations))
    return [entry.name for entry in found if not entry.ispkg and entry.name[0] not in "_~"]


def pending(connection: BaseDatabaseWrapper, names: frozenset[tuple[str, str]]) -> int:
    """How many of the migrations are not applied."""
    if names <= MigrationRecorder(connection).applied_migrations().keys():
        return 0
    # A migration that replaces others may be there in effect: only Django's own plan tells.
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
