# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects as the storage class itself does, pass by pass: for what the one-pass way cannot honour.

Part of the program in the project's Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel

VARIANTS = (".gz", ".br", ".zst")


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


def describe_files(
    storage: Any, originals: set[str], paths: dict[str, str], kept: set[str]
) -> dict[str, dict[str, Any]]:
    """name -> size, sha256 and whether its name changes with its content."""
    hashed = {value for name, value in paths.items() if value != name} | (storage.trundle_named - originals) | kept
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
