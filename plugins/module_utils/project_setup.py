# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project and its settings, set up inside its own Python as manage.py would.

Part of the programs that are handed to ``python -``: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import os
import sys
import traceback
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """A sentence for the user: the program cannot go on."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class ManagePyDone(BaseException):
    """Ends manage.py where it would start its command."""


def load_project(request: dict[str, Any], command: Sequence[str]) -> Any:
    """Set Django up as manage.py would for this command, and return its settings."""
    project = request["project_path"]
    try:
        import django
    except ImportError as exc:
        raise RefusedError(
            f"Django cannot be imported by {sys.executable}: {exc}. Install the project's requirements there, "
            "or name its interpreter in 'python'."
        ) from exc
    run_manage_py(project, request["settings"], command)
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


def run_manage_py(project: str, settings: str | None, command: Sequence[str]) -> None:
    """Run manage.py up to where it starts its command.

    Reading it is not enough: many a manage.py loads a .env file, extends sys.path or chooses the
    settings module by a rule of its own.
    """
    from django.core.management import ManagementUtility

    def stop(_utility: Any) -> None:
        raise ManagePyDone

    path = str(Path(project, "manage.py"))
    if settings:
        os.environ["DJANGO_SETTINGS_MODULE"] = settings
    sys.path[:] = [project] + [entry for entry in sys.path if entry not in ("", project)]
    sys.argv = [path, *command]
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    execute, ManagementUtility.execute = ManagementUtility.execute, stop
    try:
        code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
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


def last_line(exc: BaseException, project: str) -> str:
    """The last line of a traceback, and the last place in the project that it went through."""
    if isinstance(exc, SystemExit):
        text = f"it called sys.exit({'' if exc.code is None else exc.code})"
    else:
        text = traceback.format_exception_only(type(exc), exc)[-1].strip()
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(exc.__traceback__)]
    if isinstance(exc, SyntaxError) and exc.filename:
        places.append((exc.filename, exc.lineno))
    root = project.rstrip("/") + "/"
    inside = [place for place in places if place[0].startswith(root) and "site-packages" not in place[0]]
    if not inside:
        return text
    return f"{text} ({inside[-1][0][len(root) :]}, line {inside[-1][1]})"
