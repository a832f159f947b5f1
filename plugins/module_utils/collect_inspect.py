# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what a storage class allows: the one-pass way, and what may be remembered of it.

Part of the program in the project's Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_storage import CollectMixin

# What the one-pass way does itself: a class with its own version of any of it goes its own way.
PASSES = (
    *("post_process", "_post_process", "save", "_save", "open", "_open", "exists", "delete", "path"),
    *("post_process_with_compression", "compress_files", "delete_files", "start_tracking_new_files"),
)
# What it asks the class for. The answers are remembered only where the code is Django's, as
# anything may be behind another one's.
NAMING = (
    *("file_hash", "hashed_name", "url_converter", "_url", "url", "_stored_name", "clean_name", "hash_key"),
    *("get_ignored_blocks", "is_in_ignored_block"),
)
# Classes that do what Django does and something after it, which we do too.
KNOWN = ("whitenoise.storage.CompressedManifestStaticFilesStorage",)


def own_methods(storage: Any, names: tuple[str, ...]) -> list[str]:
    """Those of the methods that neither Django nor a class that we know defines, with their classes."""
    from django.core.files.storage import FileSystemStorage

    found = []
    for cls in type(storage).__mro__:
        path = f"{cls.__module__}.{cls.__qualname__}"
        if not (cls.__module__.startswith("django.") or cls.__module__ == CollectMixin.__module__ or path in KNOWN):
            found += [f"{path}.{name}" for name in names if name in vars(cls)]
        if cls is FileSystemStorage:
            # What follows is never called: for a local folder it stands before a remote store.
            break
    return found


def reason_for_own_way(storage: Any) -> str | None:
    """Why the class's own code has to run; None where one pass gives the same."""
    own = own_methods(storage, PASSES)
    if own:
        return f"it has a way of its own: {', '.join(own)}"
    if storage.keep_intermediate_files:
        return "keep_intermediate_files is set, and one pass makes no intermediate files"
    if any("\\" in extension for extension in storage._patterns):
        return "a pattern has a backslash"
    return None


def compresses(storage: Any) -> bool:
    return any(f"{cls.__module__}.{cls.__qualname__}" in KNOWN for cls in type(storage).__mro__)


def rule_of(storage: Any, settings: Any, request: dict[str, Any]) -> str:
    """A digest of all that decides how content becomes names and bytes."""
    import django
    from django.urls import get_script_prefix

    patterns = [
        [
            extension,
            [[part if isinstance(part, str) else [part.pattern, part.flags] for part in item] for item in items],
        ]
        for extension, items in storage._patterns.items()
    ]
    rule = {
        "format": 1,
        "django": django.get_version(),
        "python": list(sys.version_info[:2]),
        "classes": [class_identity(cls) for cls in type(storage).__mro__],
        "patterns": patterns,
        "options": [storage.max_post_process_passes, storage.support_js_module_import_aggregation],
        "urls": [settings.STATIC_URL, storage.base_url, get_script_prefix()],
        "kept": request.get("already_hashed"),
    }
    return hashlib.sha256(json.dumps(rule, sort_keys=True).encode("ascii")).hexdigest()


def class_identity(cls: Any) -> list[str]:
    """Name and source of a class: Django's own is told by its version."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    module = sys.modules.get(cls.__module__)
    path = getattr(module, "__file__", None)
    if cls.__module__.startswith("django.") or not path or not os.path.isfile(path):
        return [name, ""]
    with open(path, "rb") as stream:
        return [name, hashlib.sha256(stream.read()).hexdigest()]
