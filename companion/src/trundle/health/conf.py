# SPDX-License-Identifier: BSD-3-Clause
"""The TRUNDLE_HEALTH setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from trundle.health.checks import Check, DatabaseCheck, ManifestCheck, MigrationsCheck

DEFAULT_CHECKS = (DatabaseCheck, ManifestCheck, MigrationsCheck)
NUMBERS = {"TIMEOUT": 2.0, "REUSE": 1.0, "GRACE": 30.0}


@dataclass(frozen=True)
class Config:
    checks: tuple[Check, ...]
    timeout: float
    reuse: float
    grace: float


def read_config() -> Config:
    """The setting, completed and checked. Raises ImproperlyConfigured."""
    given = getattr(settings, "TRUNDLE_HEALTH", {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured("TRUNDLE_HEALTH must be a dict.")
    unknown = sorted(map(str, given.keys() - {"CHECKS", *NUMBERS}))
    if unknown:
        raise ImproperlyConfigured(
            f"TRUNDLE_HEALTH has unknown keys: {', '.join(unknown)}. Known are: CHECKS, {', '.join(NUMBERS)}."
        )
    numbers = {key.lower(): _seconds(key, given.get(key, default)) for key, default in NUMBERS.items()}
    checks = _given_checks(given["CHECKS"]) if "CHECKS" in given else _default_checks()
    return Config(checks=checks, **numbers)


def _default_checks() -> tuple[Check, ...]:
    # A project without a database has none to look at.
    return tuple(check for check in (kind() for kind in DEFAULT_CHECKS) if check.problem() is None)


def _given_checks(entries: Any) -> tuple[Check, ...]:
    if not isinstance(entries, (list, tuple)):
        raise ImproperlyConfigured("TRUNDLE_HEALTH['CHECKS'] must be a list.")
    checks = tuple(_make_check(entry) for entry in entries)
    names = [check.name for check in checks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImproperlyConfigured(f"TRUNDLE_HEALTH['CHECKS'] has more than one check named {', '.join(twice)}.")
    problems = [problem for problem in (check.problem() for check in checks) if problem is not None]
    if problems:
        raise ImproperlyConfigured(f"TRUNDLE_HEALTH['CHECKS']: {' '.join(problems)}")
    return checks


def _seconds(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or (key == "TIMEOUT" and not value):
        raise ImproperlyConfigured(f"TRUNDLE_HEALTH[{key!r}] must be a number of seconds, not {value!r}.")
    return float(value)


def _make_check(entry: Any) -> Check:
    """A check from its dotted path, its class, or the object itself."""
    made = entry
    if isinstance(entry, str):
        try:
            made = import_string(entry)
        except ImportError as exc:
            raise ImproperlyConfigured(f"TRUNDLE_HEALTH['CHECKS']: failed to import {entry!r}: {exc}") from exc
    if isinstance(made, type):
        made = made()
    if not isinstance(made, Check) or not isinstance(getattr(made, "name", None), str):
        raise ImproperlyConfigured(
            f"TRUNDLE_HEALTH['CHECKS']: {entry!r} is no check. Derive from trundle.health.Check and give it a name."
        )
    return made
