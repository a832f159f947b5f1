# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's storage class, made local: part of the program that runs in the project's Python.

Standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import importlib
import os
from fnmatch import fnmatchcase
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError, last_line

# What a storage does with files. For a remote storage all of it is taken from Django's local one.
FILE_OPERATIONS = (
    *("_open", "_save", "open", "save", "delete", "exists", "listdir", "size", "path"),
    *("get_accessed_time", "get_created_time", "get_modified_time"),
    *("get_valid_name", "get_alternative_name", "get_available_name", "generate_filename", "is_name_available"),
)

# Storages that post-process without hashing, and the class of the same package that does both.
HASHED_EQUIVALENTS = {
    "whitenoise.storage.CompressedStaticFilesStorage": "whitenoise.storage.CompressedManifestStaticFilesStorage",
}


class OwnWayError(BaseException):
    """The one-pass way cannot go on; no `except Exception` of a project may hide that."""


class CollectMixin:
    """Stands in front of the project's storage class: local folder, all missing references noted."""

    trundle_root = ""
    # The folder of the release below STATIC_URL, "v1.2.3/", in the versioned layout.
    trundle_prefix = ""
    # Patterns of the names that keep their name and bytes, as a bundler has hashed them already.
    trundle_kept: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.trundle_missing: dict[tuple[str, int, str], None] = {}
        self.trundle_named: set[str] = set()
        self.trundle_current = ""
        # Set while collecting in one pass: answers for the files that are not on disk.
        self.trundle_view: Any = None
        super().__init__(*args, **kwargs)

    # Whatever the class sets in its constructor, files go to our folder and nowhere else.
    @property
    def location(self) -> str:
        return self.trundle_root

    @location.setter
    def location(self, value: Any) -> None:
        pass

    base_location = location

    def read_manifest(self) -> None:
        """Start from nothing: an earlier manifest may be remote, and is not used anyway."""

    def trundle_keeps(self, name: str) -> bool:
        if not self.trundle_kept:
            return False
        return any(fnmatchcase(name.replace("\\", "/"), pattern) for pattern in self.trundle_kept)

    def hashed_name(self, name: str, *args: Any, **kwargs: Any) -> str:
        if self.trundle_kept:
            plain = urlsplit(unquote(name)).path.strip()
            if self.trundle_keeps(plain) and (args or kwargs or self.exists(plain)):
                return name
        parent: Any = super()
        if args or kwargs:
            self.trundle_current = name
        hashed: str = parent.hashed_name(name, *args, **kwargs)
        self.trundle_named.add(hashed.replace("\\", "/"))
        return hashed

    def file_hash(self, name: Any, content: Any = None) -> Any:
        known = getattr(content, "trundle_md5", None)
        if known is not None:
            return known[:12]
        parent: Any = super()
        return parent.file_hash(name, content)

    def exists(self, name: str) -> bool:
        parent: Any = super()
        return bool(parent.exists(name) if self.trundle_view is None else self.trundle_view.exists(name))

    def open(self, name: str, mode: str = "rb") -> Any:
        parent: Any = super()
        return parent.open(name, mode) if self.trundle_view is None else self.trundle_view.open(name)

    def path(self, name: str) -> str:
        if self.trundle_view is not None:
            raise OwnWayError("its class reads or writes files while it names them")
        parent: Any = super()
        full: str = parent.path(name)
        return full

    def url_converter(self, name: str, *args: Any, **kwargs: Any) -> Callable[[Any], str]:
        from django.core.exceptions import SuspiciousFileOperation

        parent: Any = super()
        convert = parent.url_converter(name, *args, **kwargs)

        def converter(match: Any) -> str:
            try:
                converted: str = convert(match)
            except (ValueError, SuspiciousFileOperation):
                # Outside of the static folder is as missing as not there at all.
                line = match.string.count("\n", 0, match.start("url")) + 1
                self.trundle_missing[(name.replace(os.sep, "/"), line, match.group("url").strip())] = None
                return str(match.group(0))
            return self.add_prefix(match.group("url"), converted)

        return converter

    def add_prefix(self, url: str, converted: str) -> str:
        """Have an absolute reference lead to the release's own folder, where there is one."""
        from django.conf import settings

        if not url.startswith(settings.STATIC_URL):
            return converted
        if self.trundle_view is not None:
            self.trundle_view.asked[("prefix", "")] = self.trundle_prefix
        return converted.replace(settings.STATIC_URL, settings.STATIC_URL + self.trundle_prefix, 1)


def make_storage(settings: Any, request: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An instance of the project's storage class that is local, and what was done to it."""
    from django.core.files.storage import FileSystemStorage

    name, options = configured_storage(settings)
    try:
        project_class = import_name(name)
        metaclass, bases, reason = local_bases(project_class, name)
        own = bases[-1]
        # Apps that write below STATIC_ROOT by themselves stay in the folder too.
        settings.STATIC_ROOT = request["static_dir"]
        attributes = {
            "trundle_root": request["static_dir"],
            "trundle_prefix": release_prefix(settings, request),
            "trundle_kept": tuple(request.get("already_hashed") or ()),
        }
        storage = metaclass("Collecting" + own.__name__, bases, attributes)(**options)
    except Exception as exc:
        cause = last_line(exc, request["project_path"])
        raise RefusedError(f"Failed to make the project's static files storage '{name}': {cause}") from exc
    storage.manifest_storage = FileSystemStorage(location=request["manifest_dir"])
    make_global(storage)
    used = " + ".join(f"{cls.__module__}.{cls.__qualname__}" for cls in bases[1:])
    return storage, {"configured": name, "used": used, "reason": reason}


def release_prefix(settings: Any, request: dict[str, Any]) -> str:
    """Empty also where STATIC_URL names the release already."""
    folder = request.get("release_folder")
    return f"{folder}/" if folder and not settings.STATIC_URL.endswith(f"/{folder}/") else ""


def make_global(storage: Any) -> None:
    """Packagers such as django-pipeline's reach for the project's one storage: this is it."""
    from django.contrib.staticfiles.storage import staticfiles_storage

    staticfiles_storage._wrapped = storage
    handler = getattr(importlib.import_module("django.core.files.storage"), "storages", None)
    if handler is not None:
        handler._storages["staticfiles"] = storage


def configured_storage(settings: Any) -> tuple[str, dict[str, Any]]:
    """Dotted name and options, without making an instance: a remote one may ask for credentials."""
    configured = getattr(settings, "STORAGES", None)
    if configured is None:  # before Django 4.2
        return settings.STATICFILES_STORAGE, {}
    entry = configured.get("staticfiles")
    if entry is None:
        raise RefusedError(f"STORAGES of '{os.environ['DJANGO_SETTINGS_MODULE']}' has no 'staticfiles'.")
    options = dict(entry.get("OPTIONS") or {})
    # The manifest belongs to the release, wherever the project keeps its own.
    options.pop("manifest_storage", None)
    return entry["BACKEND"], options


def import_name(name: str) -> Any:
    from django.utils.module_loading import import_string

    return import_string(name)


def local_bases(project_class: Any, name: str) -> tuple[Any, tuple[Any, ...], str | None]:
    """Metaclass and bases of the class that collects, and why it is not simply the project's."""
    from django.contrib.staticfiles.storage import HashedFilesMixin, ManifestFilesMixin, ManifestStaticFilesStorage
    from django.core.files.storage import FileSystemStorage

    metaclass = type(project_class)
    if not issubclass(project_class, FileSystemStorage):
        if not issubclass(project_class, HashedFilesMixin):
            return type, (CollectMixin, ManifestStaticFilesStorage), "it stores remotely and does not hash"
        reason = "it stores remotely: its files are written to a local folder instead"
        return local_metaclass(project_class), (CollectMixin, project_class), reason
    if issubclass(project_class, ManifestFilesMixin):
        return metaclass, (CollectMixin, project_class), None
    if name in HASHED_EQUIVALENTS:
        return metaclass, (CollectMixin, import_name(HASHED_EQUIVALENTS[name])), "it does not hash"
    if issubclass(project_class, HashedFilesMixin) or not hasattr(project_class, "post_process"):
        return metaclass, (CollectMixin, ManifestFilesMixin, project_class), "it writes no manifest"
    # Its own post-processing first, then Django's, for classes that pass the call on.
    return metaclass, (CollectMixin, project_class, ManifestStaticFilesStorage), "it does not hash"


def local_metaclass(project_class: Any) -> Any:
    """Make a remote hashing storage local: its hashing first, then Django's local storage.

    The classes that hash keep their order, so overridden names, patterns and super() work as
    they do in the project; what would reach the remote store comes last and is never called.
    """
    from django.contrib.staticfiles.storage import HashedFilesMixin, ManifestFilesMixin, StaticFilesStorage

    class LocalFiles:
        """Ends the chain of constructors: options of a bucket mean nothing to a folder."""

        def __init__(self, *_args: Any, **_kwargs: Any) -> None:
            StaticFilesStorage.__init__(self)

    known = [name for name in FILE_OPERATIONS if hasattr(StaticFilesStorage, name)]
    local_operations = type("LocalOperations", (), {name: getattr(StaticFilesStorage, name) for name in known})
    hashing = [cls for cls in project_class.__mro__ if issubclass(cls, HashedFilesMixin)]
    if ManifestFilesMixin not in hashing:
        hashing.insert(0, ManifestFilesMixin)
    local = [LocalFiles, *StaticFilesStorage.__mro__[:-1]]
    remote = [cls for cls in project_class.__mro__[:-1] if cls not in hashing and cls not in local]

    # A metaclass, whose instances are classes; which one is the project's is known at run time only.
    class LocalOrder(type(project_class)):  # type: ignore[misc]
        def mro(cls) -> list[Any]:  # pylint: disable=no-self-argument
            return [cls, CollectMixin, local_operations, *hashing, *local, *remote, object]

    return LocalOrder
