# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user asks a collection for, and how it is asked of the program in the project's Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import Rule, rules_of
from ansible_collections.trundle.django.plugins.module_utils.record import Source

STATIC_FOLDER = "static"

Missing = Literal["error", "warn", "ignore"]
Layout = Literal["hashed", "versioned"]


@dataclass(frozen=True)
class Options:
    """What the user asks for; scratch is the folder for a dry run's files."""

    project_path: Path
    release: str
    dest: Path
    python: str | None = None
    settings: str | None = None
    static_url: str | None = None
    missing_references: Missing = "error"
    ignore: Sequence[str] = ()
    already_hashed: Sequence[str] = ()
    headers: Sequence[Rule] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    source: Source = field(default_factory=Source)
    layout: Layout = "hashed"
    hashed_names: bool = True
    originals: bool = False
    # None: what the storage class itself makes.
    compress: Sequence[str] | None = None
    cache: Path | None = None
    cache_size: int = 2 << 30
    dry_run: bool = False
    scratch: Path | None = None


def collect_spec() -> dict[str, dict[str, Any]]:
    return {
        "project_path": {"type": "path", "required": True},
        "python": {"type": "path"},
        "settings": {"type": "str"},
        "release": {"type": "str", "required": True},
        "dest": {"type": "path", "required": True},
        "static_url": {"type": "str"},
        "missing_references": {"type": "str", "choices": ["error", "warn", "ignore"], "default": "error"},
        "ignore": {"type": "list", "elements": "str", "default": []},
        "already_hashed": {"type": "list", "elements": "str", "default": []},
        "headers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "pattern": {"type": "str", "required": True},
                "cache_control": {"type": "str"},
                "content_type": {"type": "str"},
            },
        },
        "layout": {"type": "str", "choices": ["hashed", "versioned"], "default": "hashed"},
        "hashed_names": {"type": "bool", "default": True},
        "originals": {"type": "bool", "default": False},
        "compress": {"type": "list", "elements": "str", "choices": ["gzip", "brotli", "zstd"]},
        "cache": {"type": "path"},
        "cache_size": {"type": "str", "default": "2G"},
        "environment": {"type": "dict", "default": {}, "no_log": True},
        "revision": {"type": "str"},
        "dirty": {"type": "bool"},
        "commit_manifest": {
            "type": "dict",
            "options": {
                "repository": {"type": "path"},
                "path": {"type": "str", "default": "staticfiles.json"},
                "commit_message": {"type": "str"},
            },
        },
    }


def from_params(params: Mapping[str, Any], *, check_mode: bool, scratch: str) -> Options:
    """Options from the module's parameters."""
    environment = {name: None if value is None else str(value) for name, value in params["environment"].items()}
    return Options(
        project_path=Path(params["project_path"]).absolute(),
        release=params["release"],
        dest=Path(params["dest"]).absolute(),
        python=params["python"],
        settings=params["settings"],
        static_url=params["static_url"],
        missing_references=params["missing_references"],
        ignore=params["ignore"],
        already_hashed=params["already_hashed"],
        headers=rules_of(params["headers"]),
        layout=params["layout"],
        hashed_names=params["hashed_names"],
        originals=params["originals"],
        compress=params["compress"],
        cache=cache_folder(params["cache"]),
        cache_size=cache_size(params["cache_size"]),
        environment=environment,
        source=Source(revision=params["revision"], dirty=params["dirty"]),
        dry_run=check_mode,
        scratch=Path(scratch),
    )


def cache_folder(given: str | None) -> Path | None:
    if given is not None:
        return Path(given).absolute() if given else None
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trundle" / "build"


def cache_size(given: str) -> int:
    try:
        return int(human_to_bytes(given))
    except ValueError as exc:
        raise TrundleError(f"cache_size is not a size such as 2G: {exc}") from exc


def worker_request(options: Options, folder: Path) -> dict[str, Any]:
    return {
        "project_path": str(options.project_path),
        "settings": options.settings,
        "static_url": options.static_url,
        "static_dir": str(folder / STATIC_FOLDER / (options.release if options.layout == "versioned" else "")),
        "release_folder": options.release if options.layout == "versioned" else None,
        "already_hashed": list(options.already_hashed) if options.hashed_names else ["*"],
        "originals": options.originals,
        "compress": None if options.compress is None else list(options.compress),
        "manifest_dir": str(folder),
        "ignore": list(options.ignore),
        "cache": None if options.cache is None else str(options.cache),
        "cache_size": options.cache_size,
        "dry_run": options.dry_run,
    }
