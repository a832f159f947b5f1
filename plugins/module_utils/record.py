# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release record, release.json: what a release's static package consists of.

It is written last and created once, so that a record that exists proves a whole release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import (
    Manifest,
    check_name,
    check_paths,
    load_json,
    sha256,
)

SCHEMA = 1
LAYOUTS = ("hashed", "versioned")
RECORD_NAME = "release.json"
MANIFEST_NAME = "staticfiles.json"
RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

_WHAT = "the release record"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CREATED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_FIELDS = frozenset({"schema", "release", "created", "source", "django", "layout", "static_url", "manifest", "files"})
_FILE_FIELDS = frozenset({"size", "sha256", "content_type", "cache_control", "content_encoding"})


@dataclass(frozen=True)
class Source:
    """Where the code came from; both None where the user did not tell."""

    revision: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True)
class FileEntry:
    """One asset: its size in bytes, the SHA-256 of its bytes, and the headers it is served with."""

    size: int
    sha256: str
    content_type: str
    cache_control: str
    content_encoding: str | None = None


@dataclass(frozen=True)
class Record:
    """files: key below the store's prefix -> entry, for every file of the static package."""

    release: str
    created: str
    source: Source
    django: str
    layout: str
    static_url: str
    manifest: Manifest
    files: Mapping[str, FileEntry]


def check_release_id(release: Any) -> str:
    """Return the id, or say what an id may look like."""
    if not isinstance(release, str) or not RELEASE_ID.fullmatch(release):
        raise TrundleError(
            f"The release id {release!r} is not valid: it starts with a letter or digit, goes on with letters, "
            "digits, '.', '_', '+' or '-', and has at most 64 characters."
        )
    return release


def parse(data: bytes) -> Record:
    """Read the bytes of a record; an unknown schema or field is refused, never guessed at."""
    document = load_json(data, what=_WHAT)
    if not isinstance(document, dict):
        raise _bad("it is not a JSON object")
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise _bad(f"schema {schema!r} is not known here (known: {SCHEMA}); a newer trundle.django may read it")
    _check_fields(document, _FIELDS, where="the record")
    record = Record(
        release=check_release_id(document["release"]),
        created=_match(document["created"], _CREATED, where="created"),
        source=_source(document["source"]),
        django=_text(document["django"], where="django"),
        layout=_choice(document["layout"]),
        static_url=_static_url(document["static_url"]),
        manifest=_manifest(document["manifest"]),
        files=_files(document["files"]),
    )
    _check_complete(record)
    return record


def dumps(record: Record) -> bytes:
    """The record's bytes: the same record always gives the same bytes."""
    document = {
        "schema": SCHEMA,
        "release": record.release,
        "created": record.created,
        "source": {"revision": record.source.revision, "dirty": record.source.dirty},
        "django": record.django,
        "layout": record.layout,
        "static_url": record.static_url,
        "manifest": {"sha256": record.manifest.sha256, "paths": dict(record.manifest.paths)},
        "files": {key: vars(entry) for key, entry in record.files.items()},
    }
    return (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def same_content(a: Record, b: Record) -> bool:
    """Whether both are the same package of the same code, as far as that is known; when it was built may differ."""
    return _content(a) == _content(b) and not _other_code(a.source, b.source)


def differences(a: Record, b: Record, limit: int = 10) -> list[str]:
    """The first differences in content from a to b, one line each; empty for the same content."""
    lines = [f"revision: {a.source.revision!r} -> {b.source.revision!r}"] if _other_code(a.source, b.source) else []
    lines += [
        f"{name}: {left!r} -> {right!r}"
        for (name, left), (_same, right) in zip(_scalars(a), _scalars(b))
        if left != right
    ]
    for key in sorted({*a.files, *b.files}):
        left_entry, right_entry = a.files.get(key), b.files.get(key)
        if left_entry is None or right_entry is None:
            lines.append(f"{key}: only in the {'second' if left_entry is None else 'first'}")
        elif left_entry != right_entry:
            lines.append(f"{key}: {_entry_difference(left_entry, right_entry)}")
        if len(lines) >= limit:
            break
    return lines[:limit]


def manifest_name(record: Record) -> str:
    """The name of the release's manifest below .releases/ of a store; releases with the same manifest share it."""
    return f"manifests/{record.manifest.sha256}.json"


def check_manifest(record: Record, data: bytes) -> None:
    """Refuse manifest bytes other than those that the record was made of."""
    actual = sha256(data)
    if actual != record.manifest.sha256:
        raise TrundleError(
            f"The manifest does not belong to release '{record.release}': its SHA-256 is {actual}, "
            f"the record says {record.manifest.sha256}."
        )


def _other_code(a: Source, b: Source) -> bool:
    """Two commits are two contents, also where their static files are equal (R1.6).

    A revision that is not known, or was dirty, tells nothing.
    """
    return None not in (a.revision, b.revision) and a.revision != b.revision and not (a.dirty or b.dirty)


def _content(record: Record) -> tuple[Any, ...]:
    return (*_scalars(record), dict(record.files))


def _scalars(record: Record) -> list[tuple[str, str]]:
    return [
        ("release", record.release),
        ("layout", record.layout),
        ("static_url", record.static_url),
        ("manifest sha256", record.manifest.sha256),
    ]


def _entry_difference(a: FileEntry, b: FileEntry) -> str:
    changed = [name for name in sorted(_FILE_FIELDS) if getattr(a, name) != getattr(b, name)]
    return ", ".join(f"{name} {getattr(a, name)!r} -> {getattr(b, name)!r}" for name in changed)


def _check_complete(record: Record) -> None:
    """A name that a page can ask for must be one of the files (F1); versioned keys carry a prefix."""
    if record.layout != "hashed":
        return
    for name, hashed in record.manifest.paths.items():
        if hashed not in record.files:
            raise _bad(f"the manifest maps {name!r} to {hashed!r}, which is not among the files")


def _bad(cause: str) -> TrundleError:
    return TrundleError(f"Failed to read {_WHAT}: {cause}.")


# What is wrong is worded only where something is: a record has tens of thousands of entries. of: the name of the file.


def _place(where: str, of: str | None) -> str:
    return where if of is None else f"{where} of {of!r}"


def _check_fields(value: Any, expected: frozenset[str], *, where: str, of: str | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(f"{_place(where, of)} is not an object")
    if value.keys() == expected:
        return value
    missing, unknown = sorted(expected - value.keys()), sorted(value.keys() - expected)
    found = [f"lacks {', '.join(missing)}"] if missing else []
    found += [f"has the unknown field {', '.join(unknown)}"] if unknown else []
    raise _bad(f"{_place(where, of)} {' and '.join(found)}")


def _text(value: Any, *, where: str, of: str | None = None) -> str:
    if not isinstance(value, str) or not value:
        raise _bad(f"{_place(where, of)} is not a text")
    return value


def _match(value: Any, pattern: re.Pattern[str], *, where: str, of: str | None = None) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _bad(f"{_place(where, of)} {value!r} has not the expected form")
    return value


def _choice(layout: Any) -> str:
    if layout not in LAYOUTS:
        raise _bad(f"layout {layout!r} is not one of {', '.join(LAYOUTS)}")
    return str(layout)


def _static_url(value: Any) -> str:
    if not _text(value, where="static_url").endswith("/"):
        raise _bad(f"static_url {value!r} does not end with a slash")
    return str(value)


def _source(value: Any) -> Source:
    source = _check_fields(value, frozenset({"revision", "dirty"}), where="source")
    revision, dirty = source["revision"], source["dirty"]
    if not (revision is None or isinstance(revision, str)) or not (dirty is None or isinstance(dirty, bool)):
        raise _bad("source has a revision that is no text or a dirty mark that is no boolean")
    return Source(revision=revision, dirty=dirty)


def _manifest(value: Any) -> Manifest:
    manifest = _check_fields(value, frozenset({"sha256", "paths"}), where="manifest")
    return Manifest(
        sha256=_match(manifest["sha256"], _SHA256, where="manifest.sha256"),
        paths=check_paths(manifest["paths"], what=_WHAT),
    )


def _files(value: Any) -> dict[str, FileEntry]:
    if not isinstance(value, dict):
        raise _bad("files is not an object")
    return {check_name(key, what=_WHAT): _file(key, entry) for key, entry in value.items()}


def _file(key: str, value: Any) -> FileEntry:
    entry = _check_fields(value, _FILE_FIELDS, where="the entry", of=key)
    size, encoding = entry["size"], entry["content_encoding"]
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _bad(f"the size of {key!r} is not a number of bytes")
    return FileEntry(
        size=size,
        sha256=_match(entry["sha256"], _SHA256, where="the sha256", of=key),
        content_type=_text(entry["content_type"], where="the content_type", of=key),
        cache_control=_text(entry["cache_control"], where="the cache_control", of=key),
        content_encoding=None if encoding is None else _text(encoding, where="the content_encoding", of=key),
    )
