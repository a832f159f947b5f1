# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project, its settings and its static files' sources: part of the program in the project's Python.

Standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import os
import sys
import types
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_storage import RefusedError, last_line


class ManagePyDone(BaseException):
    """Ends manage.py where it would start its command."""


def load_project(request: dict[str, Any]) -> Any:
    """Set Django up as manage.py would, and return its settings."""
    project = request["project_path"]
    try:
        import django
    except ImportError as exc:
        raise RefusedError(
            f"Django cannot be imported by {sys.executable}: {exc}. Install the project's requirements there, "
            "or name its interpreter in 'python'."
        ) from exc
    run_manage_py(project, request["settings"])
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    if not module:
        raise RefusedError(f"manage.py in {project} names no settings module: name it in 'settings'.")
    from django.conf import settings

    try:
        settings.INSTALLED_APPS  # noqa: B018 (the first use imports the module)
    except BaseException as exc:
        raise RefusedError(
            f"Failed to import the settings module '{module}': {last_line(exc, project)}. "
            "Name the right one in 'settings', or mend what it imports."
        ) from exc
    try:
        django.setup()
    except BaseException as exc:
        raise RefusedError(
            f"Failed to set up Django with the settings module '{module}': {last_line(exc, project)}"
        ) from exc
    return settings


def run_manage_py(project: str, settings: str | None) -> None:
    """Run manage.py up to where it starts its command.

    Reading it is not enough: many a manage.py loads a .env file, extends sys.path or chooses the
    settings module by a rule of its own.
    """
    from django.core.management import ManagementUtility

    def stop(_utility: Any) -> None:
        raise ManagePyDone

    path = os.path.join(project, "manage.py")
    if settings:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings
    sys.path[:] = [project] + [entry for entry in sys.path if entry not in ("", project)]
    sys.argv = [path, "collectstatic", "--noinput"]
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    execute, ManagementUtility.execute = ManagementUtility.execute, stop
    try:
        with open(path, "rb") as stream:
            code = compile(stream.read(), path, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 (the project's own manage.py)
    except ManagePyDone:
        pass
    except BaseException as exc:
        raise RefusedError(f"Failed to run {path}: {last_line(exc, project)}") from exc
    finally:
        ManagementUtility.execute = execute
    if settings:
        # Also over a manage.py that does not use setdefault().
        os.environ["DJANGO_SETTINGS_MODULE"] = settings


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
