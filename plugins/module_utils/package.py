# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What collectstatic wrote: a folder with the record, the manifest and the static files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import ENCODINGS
from ansible_collections.trundle.django.plugins.module_utils.published import RECORDS, shortened
from ansible_collections.trundle.django.plugins.module_utils.record import (
    MANIFEST_NAME,
    RECORD_NAME,
    FileEntry,
    Record,
    check_manifest,
    check_release_id,
    parse,
)

# Servers drop headers with an underscore, Azure refuses hyphens.
_METADATA_NAME = re.compile(r"[a-z][a-z0-9]*")
_METADATA_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
# Up to this size a file is small: any number of them may be in memory.
SMALL = 1024 * 1024


@dataclass(frozen=True)
class Package:
    """What collectstatic wrote: the record, both files' bytes, and the folder with the assets."""

    record: Record
    record_bytes: bytes
    manifest: bytes
    folder: Path
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def immutable(self) -> frozenset[str]:
        """The keys whose name carries the hash of the content, their compressed variants included."""
        record = self.record
        hashed = {stored for name, stored in record.manifest.paths.items() if stored != name}
        variants = {name + extension for name in hashed for extension in ENCODINGS}
        return frozenset((hashed | variants) & record.files.keys())

    def headers(self, key: str) -> dict[str, str]:
        return {**self.metadata, **asset_headers(self.record.files[key])}

    def path(self, key: str) -> Path:
        return self.folder / key


def load_package(src: str, *, release: str | None = None, metadata: Mapping[str, str] | None = None) -> Package:
    """Read the folder that collectstatic wrote, and compare each file's size with the record.

    metadata: the user's own, which each file is to carry in the store.
    """
    folder = Path(src)
    record_bytes, manifest = read_file(folder / RECORD_NAME), read_file(folder / MANIFEST_NAME)
    record = _expected(parse(record_bytes), folder / RECORD_NAME, release)
    check_manifest(record, manifest)
    package = Package(record, record_bytes, manifest, folder / "static", check_metadata(metadata or {}))
    problems = [problem for key in sorted(record.files) if (problem := _local_problem(package, key))]
    if problems:
        raise TrundleError(
            f"The files in {package.folder} are not those of the record of release '{record.release}': "
            f"{shortened(problems)}. Collect the release again.",
            problems=problems,
        )
    return package


def load_record(path: Path, *, release: str | None = None) -> Record:
    """Read a record from a local file."""
    return _expected(parse(read_file(path)), path, release)


def check_metadata(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse names that are headers of another kind, and what no store can keep."""
    for name, value in metadata.items():
        if not _METADATA_NAME.fullmatch(name) or not _METADATA_VALUE.fullmatch(value):
            raise TrundleError(
                f"The metadata {name!r}: {value!r} is not valid: a name has lower-case letters and digits and begins "
                "with a letter, a value has printable ASCII characters."
            )
    return metadata


def texts(given: Mapping[str, Any]) -> dict[str, str]:
    """A dictionary as YAML gives it: a number, or a version that looks like one, is meant as text."""
    return {str(name): str(value) for name, value in given.items()}


def asset_headers(entry: FileEntry) -> dict[str, str]:
    headers = {"Content-Type": entry.content_type, "Cache-Control": entry.cache_control}
    if entry.content_encoding:
        headers["Content-Encoding"] = entry.content_encoding
    return headers


def check_digest(path: Path, actual: str, entry: FileEntry) -> None:
    if actual != entry.sha256:
        raise TrundleError(f"{path} is not the file of the record: its SHA-256 is {actual}, not {entry.sha256}.")


def file_digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(SMALL):
                digest.update(chunk)
    except OSError as exc:
        raise TrundleError(f"Failed to read {path}: {exc.strerror or exc}.") from exc
    return digest.hexdigest()


def _expected(record: Record, path: Path, release: str | None) -> Record:
    if release is not None and record.release != check_release_id(release):
        raise TrundleError(f"{path} is the record of release '{record.release}', not of '{release}'.")
    return record


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TrundleError(f"{path} does not exist; give the folder that collectstatic wrote as src.") from None
    except OSError as exc:
        raise TrundleError(f"Failed to read {path}: {exc.strerror or exc}.") from exc


def _local_problem(package: Package, key: str) -> str | None:
    if key.startswith(RECORDS):
        return f"{key}: this name is kept for release records"
    try:
        # A Path for each of 20,000 files takes several times as long as looking at them.
        size = os.stat(f"{package.folder}/{key}").st_size  # noqa: PTH116 (see above)
    except OSError:
        return f"{key}: missing"
    expected = package.record.files[key].size
    return None if size == expected else f"{key}: {size} bytes where the record says {expected}"
