# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects static files inside the project's own Python, with the project's own Django.

Its text and that of collect_storage are handed to ``python -``, so they stand alone: the standard
library and Django only, Python 3.8 and newer. The answer leaves on a descriptor of its own, one
JSON object a line, so that whatever the project's settings print disturbs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import sys
import time
import types
from typing import Any, NoReturn

from ansible_collections.trundle.django.plugins.module_utils.collect_storage import (
    RefusedError,
    last_line,
    make_storage,
)

VARIANTS = (".gz", ".br", ".zst")
PROGRESS_INTERVAL = 0.5


class ManagePyDone(BaseException):
    """Ends manage.py where it would start its command."""


class Channel:
    """The descriptor that the answer leaves on."""

    def __init__(self, descriptor: int) -> None:
        # A program that the settings start must not keep the channel open.
        os.set_inheritable(descriptor, False)
        self.descriptor = descriptor
        self.last = time.monotonic()

    def send(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode("ascii") + b"\n")
        while data:
            data = data[os.write(self.descriptor, data) :]

    def progress(self, phase: str, done: int, total: int) -> None:
        """Also the way to notice that nobody waits any more: the write fails then."""
        now = time.monotonic()
        if now - self.last >= PROGRESS_INTERVAL:
            self.last = now
            self.send({"progress": {"phase": phase, "done": done, "total": total}})


class Phases:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.monotonic()

    def end(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self.last, 3)
        self.last = now


def main(request: dict[str, Any], descriptor: int) -> NoReturn:
    channel = Channel(descriptor)
    status = 0
    try:
        answer = {"result": collect(request, channel)}
    except RefusedError as exc:
        answer = {"error": {"message": exc.message, **exc.details}}
    except BaseException as exc:  # settings may even call sys.exit()
        answer = {"error": {"message": "Failed to collect static files: " + last_line(exc, request["project_path"])}}
    try:
        channel.send(answer)
    except OSError:
        status = 1
    # Threads that the project started would keep the process alive.
    os._exit(status)


def collect(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    phases = Phases()
    settings = load_project(request)
    warnings = check_project(settings, request["static_url"])
    phases.end("start")
    storage, description = make_storage(settings, request)
    found, duplicates = find_files(request["ignore"])
    phases.end("find")
    copy_files(storage, found, channel)
    phases.end("copy")
    problems = post_process(storage, found, channel)
    missing = [{"file": file, "line": line, "reference": url} for file, line, url in sorted(storage.trundle_missing)]
    if problems:
        raise RefusedError(
            "Failed to post-process static files: " + "; ".join(problems), problems=problems, missing_references=missing
        )
    paths = take_manifest(storage, request)
    phases.end("hash")
    originals = {clean(storage, name) for name in found} | set(paths)
    remove_originals(storage, originals, paths)
    files = describe_files(storage, originals, paths)
    phases.end("digest")
    return {
        "django": sys.modules["django"].get_version(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "settings": os.environ["DJANGO_SETTINGS_MODULE"],
        "static_url": settings.STATIC_URL,
        "storage": description,
        "collected": len(found),
        "duplicates": duplicates,
        "missing_references": missing,
        "files": files,
        "warnings": warnings,
        "seconds": phases.seconds,
    }


# The project


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
        raise RefusedError(f"Failed to import the settings module '{module}': {last_line(exc, project)}") from exc
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


# Collecting


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


def copy_files(storage: Any, found: dict[str, tuple[Any, str]], channel: Channel) -> None:
    for number, (name, (source, path)) in enumerate(found.items()):
        with source.open(path) as stream:
            storage.save(name, stream)
        channel.progress("copy", number, len(found))


def post_process(storage: Any, found: dict[str, tuple[Any, str]], channel: Channel) -> list[str]:
    """Let the class hash and rewrite; returns what it could not process, all of it."""
    from django.contrib.staticfiles.storage import ManifestFilesMixin

    problems = run_post_process(storage.post_process(found, dry_run=False), storage, len(found), channel)
    if not problems and not storage.hashed_files:
        # A class that does not pass the call on: Django's own hashing comes after it.
        hashing = ManifestFilesMixin.post_process(storage, found, dry_run=False)
        problems = run_post_process(hashing, storage, len(found), channel)
    return problems


def run_post_process(steps: Any, storage: Any, total: int, channel: Channel) -> list[str]:
    problems: dict[str, None] = {}
    try:
        for number, (name, _hashed, processed) in enumerate(steps):
            if isinstance(processed, Exception):
                problems[f"{name}: {processed}"] = None
            channel.progress("hash", number, total)
    except Exception as exc:
        # Not every error is handed over, and Django may stumble when it goes on after one that was.
        if not problems:
            problems[f"{storage.trundle_current}: {exc}"] = None
    return list(problems)


def take_manifest(storage: Any, request: dict[str, Any]) -> dict[str, str]:
    """Put the manifest in its place as staticfiles.json, and return its paths."""
    from django.contrib.staticfiles.storage import ManifestFilesMixin

    target = os.path.join(request["manifest_dir"], "staticfiles.json")
    written = [os.path.join(request[folder], storage.manifest_name) for folder in ("manifest_dir", "static_dir")]
    if not any(os.path.isfile(path) for path in written):
        # The class writes its manifest elsewhere: write Django's own from what it hashed.
        ManifestFilesMixin.save_manifest(storage)
    for path in written:
        if os.path.isfile(path):
            os.replace(path, target)
            break
    with open(target, "rb") as stream:
        paths: dict[str, str] = json.loads(stream.read().decode("utf-8"))["paths"]
    return paths


def clean(storage: Any, name: str) -> str:
    cleaned: str = storage.clean_name(name)
    return cleaned


def remove_originals(storage: Any, originals: set[str], paths: dict[str, str]) -> None:
    """Leave hashed files, and those that no hashing applies to."""
    keep = set(paths.values())
    for name in originals:
        if name in keep or (name not in paths and storage.hash_key(name) not in paths):
            continue
        remove(storage, name)
        for extension in VARIANTS:
            if name + extension not in originals and name + extension not in keep:
                remove(storage, name + extension)
    for folder, _folders, _files in os.walk(storage.trundle_root, topdown=False):
        if folder != storage.trundle_root and not os.listdir(folder):
            os.rmdir(folder)


def remove(storage: Any, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(storage.trundle_root, name))


def describe_files(storage: Any, originals: set[str], paths: dict[str, str]) -> dict[str, dict[str, Any]]:
    """name -> size, sha256 and whether its name changes with its content."""
    hashed = {value for name, value in paths.items() if value != name} | (storage.trundle_named - originals)
    files: dict[str, dict[str, Any]] = {}
    for folder, folders, names in os.walk(storage.trundle_root):
        folders.sort()
        below = os.path.relpath(folder, storage.trundle_root)
        for name in sorted(names):
            size, digest = read_digest(os.path.join(folder, name))
            files[name if below == "." else posixpath.join(below, name)] = {"size": size, "sha256": digest}
    for name, entry in files.items():
        root, extension = os.path.splitext(name)
        plain = root if extension in VARIANTS and root in files else name
        entry["hashed"] = plain in hashed
        entry["variant"] = plain != name
    return files


def read_digest(path: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
