# SPDX-License-Identifier: BSD-3-Clause
"""The release of this process: its manifest and record on the local disk, and what the environment says."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from trundle.errors import ReleaseError

MANIFEST_NAME = "staticfiles.json"
RECORD_NAME = "release.json"
SCHEMA = 1
MANIFEST_VERSIONS = ("1.0", "1.1")
RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Release:
    """What a manifest, and the record beside it, say."""

    manifest: Path
    sha256: str
    """Of the manifest's bytes, as in the record."""
    hash: str
    """The hash that Django wrote into the manifest."""
    paths: dict[str, str] = field(repr=False)
    id: str | None
    static_url: str | None


def env_release_id() -> str | None:
    """TRUNDLE_RELEASE, or None when it is not set."""
    value = os.environ.get("TRUNDLE_RELEASE")
    if not value:
        return None
    if not RELEASE_ID.fullmatch(value):
        raise ReleaseError(
            f"TRUNDLE_RELEASE is {value!r}, which is no release id. Use up to 64 letters, digits and . _ + -, "
            "beginning with a letter or a digit."
        )
    return value


def find_manifest(option: str | os.PathLike[str] | None = None, name: str = MANIFEST_NAME) -> Path | None:
    """Where this process's manifest must be; None when the process belongs to no release."""
    if option:
        return Path(option)
    folder = os.environ.get("TRUNDLE_RELEASE_DIR")
    if folder:
        return Path(folder, name)
    expected = env_release_id() is not None
    base_dir = getattr(settings, "BASE_DIR", None)
    if base_dir:
        beside = Path(base_dir, name)
        if expected or beside.exists():
            return beside
    elif expected:
        raise ReleaseError(
            "TRUNDLE_RELEASE is set, but nothing says where the release is. Set TRUNDLE_RELEASE_DIR to its folder, "
            "or the `manifest` option of STORAGES['staticfiles'] to the path of its manifest."
        )
    return None


def load_release(manifest: Path) -> Release:
    """Read a manifest and, where there is one, the record beside it. Raises ReleaseError."""
    raw = _read(manifest, "manifest")
    if raw is None:
        raise ReleaseError(
            f"There is no static files manifest at {manifest}. Put the release's {MANIFEST_NAME} there, or set "
            "TRUNDLE_RELEASE_DIR to the folder of the release. Without a release (unset TRUNDLE_RELEASE and "
            "TRUNDLE_RELEASE_DIR, no `manifest` option) and with DEBUG the sources are served."
        )
    content = _parse_manifest(raw, manifest)
    sha256 = hashlib.sha256(raw).hexdigest()
    record_path = manifest.with_name(RECORD_NAME)
    record = _read(record_path, "record")
    known = {} if record is None else _check_record(_record_fields(record, record_path), record_path, sha256)
    return Release(
        manifest=manifest,
        sha256=sha256,
        hash=content.get("hash", ""),
        paths=content["paths"],
        id=env_release_id() or known.get("release"),
        static_url=known.get("static_url"),
    )


def _read(path: Path, what: str) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ReleaseError(
            f"Failed to read the {what} {path}: {exc.strerror}. It must be a file that the user of this process "
            "may read."
        ) from exc


def _parse(raw: bytes, path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except ValueError as exc:
        raise ReleaseError(f"The {what} {path} is not valid JSON ({exc}). Put the release's own file there.") from exc
    if not isinstance(content, dict):
        raise ReleaseError(f"The {what} {path} is not a JSON object. Put the release's own file there.")
    return content


def _parse_manifest(raw: bytes, path: Path) -> dict[str, Any]:
    content = _parse(raw, path, "manifest")
    version = content.get("version")
    if version not in MANIFEST_VERSIONS:
        raise ReleaseError(
            f"The manifest {path} has version {version!r}; known are {', '.join(MANIFEST_VERSIONS)}. "
            "Upgrade django-trundle, or collect again with a Django that it supports."
        )
    paths = content.get("paths")
    if not isinstance(paths, dict) or not all(isinstance(name, str) for name in paths.values()):
        raise ReleaseError(
            f"The manifest {path} has no usable `paths`. Put the {MANIFEST_NAME} that Django wrote there."
        )
    return content


def _record_fields(raw: bytes, path: Path) -> dict[str, Any]:
    quick = _quick_fields(raw)
    return _parse(raw, path, "record") if quick is None else quick


# A line of a record as it is written (sorted keys, indent 1): the number of spaces is the depth.
_LINES = {
    "schema": b'\n "schema": ',
    "release": b'\n "release": ',
    "static_url": b'\n "static_url": ',
    "sha256": b'\n  "sha256": ',
}


def _quick_fields(raw: bytes) -> dict[str, Any] | None:
    """The few fields needed, taken from their lines, or None when the record is laid out in another way.

    A record names every file with its checksum. To parse all of it costs more than ten times what the manifest does.
    """
    if not (raw.startswith(b'{\n "') and raw.endswith(b"\n}\n")):
        return None
    values = {}
    for name, line in _LINES.items():
        start = raw.rfind(line)
        if start < 0:
            return None
        start += len(line)
        try:
            values[name] = json.loads(raw[start : raw.index(b"\n", start)].rstrip(b","))
        except ValueError:
            return None
    values["manifest"] = {"sha256": values.pop("sha256")}
    return values


def _check_record(record: dict[str, Any], path: Path, sha256: str) -> dict[str, Any]:
    schema = record.get("schema")
    # True would equal 1.
    if not isinstance(schema, int) or isinstance(schema, bool) or schema != SCHEMA:
        raise ReleaseError(f"The record {path} has schema {schema!r}; known is {SCHEMA}. Upgrade django-trundle.")
    release, static_url, manifest = (record.get(key) for key in ("release", "static_url", "manifest"))
    if not isinstance(release, str) or not RELEASE_ID.fullmatch(release):
        raise ReleaseError(f"The record {path} names no valid release id ({release!r}). Stage the release again.")
    if not isinstance(static_url, str) or not static_url:
        raise ReleaseError(f"The record {path} has no static_url. Stage the release again.")
    if not isinstance(manifest, dict) or manifest.get("sha256") != sha256:
        raise ReleaseError(
            f"The manifest beside {path} is not the one of release {release!r}: its sha256 is {sha256}. "
            "Stage the release again; a manifest is never shared by releases."
        )
    expected = env_release_id()
    if expected not in (None, release):
        raise ReleaseError(
            f"TRUNDLE_RELEASE is {expected!r}, but {path} belongs to release {release!r}. "
            "Start the process from the folder of its own release."
        )
    return record
