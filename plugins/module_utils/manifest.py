# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Django's static files manifest, read as it is: its bytes are never written anew."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# What ManifestFilesMixin of Django 4.2 to 6.x reads itself.
VERSIONS = ("1.0", "1.1")
# A part of the name that is empty, '.' or '..', or a zero byte.
_UNSAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)|\0")


@dataclass(frozen=True)
class Manifest:
    """paths: the name in templates -> the hashed name; sha256: of the bytes of the whole file."""

    sha256: str
    paths: Mapping[str, str]


def parse(data: bytes) -> Manifest:
    """Read the bytes of staticfiles.json."""
    document = load_json(data, what="the static files manifest")
    if not isinstance(document, dict):
        raise TrundleError("Failed to read the static files manifest: it is not a JSON object.")
    version = document.get("version")
    if version not in VERSIONS:
        raise TrundleError(
            f"Failed to read the static files manifest: version {version!r} is not one of {', '.join(VERSIONS)}."
        )
    return Manifest(sha256=sha256(data), paths=check_paths(document.get("paths"), what="the static files manifest"))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def check_paths(paths: Any, *, what: str) -> dict[str, str]:
    """A mapping of names to names, each of them a safe relative path."""
    if not isinstance(paths, dict):
        raise TrundleError(f"Failed to read {what}: 'paths' is not an object of names.")
    for name, hashed in paths.items():
        check_name(name, what=what)
        check_name(hashed, what=what)
    return paths


def check_name(name: Any, *, what: str) -> str:
    """Refuse what could lead out of the folder or the store's prefix."""
    if not isinstance(name, str) or _UNSAFE.search(name):
        raise TrundleError(f"Failed to read {what}: {name!r} is not a relative file name.")
    return name


def load_json(data: bytes, *, what: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except ValueError as exc:
        raise TrundleError(f"Failed to read {what}: it is not JSON ({exc}).") from exc
