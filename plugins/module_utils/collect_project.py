# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's static files settings and their sources: part of the program in the project's Python.

Standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError


def check_project(settings: Any, static_url: str | None) -> list[str]:
    """What `manage.py collectstatic` checks first. Returns warnings."""
    from django.apps import apps
    from django.core.checks import ERROR, Tags, run_checks

    module = os.environ["DJANGO_SETTINGS_MODULE"]
    if not apps.is_installed("django.contrib.staticfiles"):
        raise RefusedError(f"'django.contrib.staticfiles' is not in INSTALLED_APPS of '{module}'.")
    if not settings.STATIC_URL:
        if not static_url:
            raise RefusedError(f"STATIC_URL is not set in '{module}': set it there, or give 'static_url'.")
        settings.STATIC_URL = static_url
    messages = run_checks(tags=[Tags.staticfiles])
    errors = [one_line(message) for message in messages if message.level >= ERROR and not message.is_silenced()]
    if errors:
        raise RefusedError("Django's checks of the static files settings failed: " + "; ".join(errors))
    return [one_line(message) for message in messages if not message.is_silenced()]


def one_line(message: Any) -> str:
    return f"{' '.join(str(message.msg).split())} ({message.id})"


def find_files(ignore: list[str]) -> tuple[dict[str, tuple[Any, str]], list[dict[str, str]]]:
    """Ask Django's finders in their order; the first one wins. Returns files and duplicates."""
    from django.apps import apps
    from django.contrib.staticfiles.finders import get_finders

    patterns = [*ignore, *apps.get_app_config("staticfiles").ignore_patterns]
    patterns = list({os.path.normpath(pattern) for pattern in patterns})
    found: dict[str, tuple[Any, str]] = {}
    duplicates = []
    for finder in get_finders():
        for path, storage in finder.list(patterns):
            prefix = getattr(storage, "prefix", None)
            name = os.path.join(prefix, path) if prefix else path
            if name in found:
                used = source_path(*found[name])
                duplicates.append({"name": name, "used": used, "ignored": source_path(storage, path)})
                continue
            check_name(name)
            found[name] = (storage, path)
    return found, duplicates


def check_name(name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError(
            f"The name of the static file {name!r} is not UTF-8, so no URL names it: rename it."
        ) from None


def source_path(storage: Any, path: str) -> str:
    try:
        return str(storage.path(path))
    except NotImplementedError:
        return path
