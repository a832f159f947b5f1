# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release's manifest and record on a host: validated as a pair, the record written last."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils import manifest, record
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import (
    atomic_write,
    group_id,
    read_bytes,
    user_id,
)
from ansible_collections.trundle.django.plugins.module_utils.record import Record


@dataclass(frozen=True)
class Pair:
    """manifest: Django's bytes as they are; record: in the form that dumps gives."""

    manifest: bytes
    record: bytes


def checked(release: str, *, manifest_bytes: bytes, record_bytes: bytes) -> tuple[Pair, Record]:
    """Refuse a pair that is not this release's, or whose halves do not belong together (F3)."""
    found = record.parse(record_bytes)
    if found.release != record.check_release_id(release):
        raise TrundleError(f"The record is that of release '{found.release}', not of '{release}'.")
    record.check_manifest(found, manifest_bytes)
    if manifest.parse(manifest_bytes).paths != found.manifest.paths:
        raise TrundleError(f"The names in the record of release '{release}' are not those of its manifest.")
    return Pair(manifest=manifest_bytes, record=record.dumps(found)), found


def pair_of_texts(manifest_text: object, record_text: object) -> Pair:
    """Of two options of a module: what looks like JSON may come as the data that it stands for, its bytes lost."""
    texts = {"manifest": manifest_text, "record": record_text}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise TrundleError(f"The option {name} is not a text: hand over the file's text, not the parsed JSON.")
    return Pair(*(str(text).encode("utf-8") for text in texts.values()))


def from_folder(folder: Path) -> tuple[bytes, bytes]:
    """The bytes of manifest and record in a folder that collectstatic wrote."""
    return _required(folder / record.MANIFEST_NAME), _required(folder / record.RECORD_NAME)


def from_url(base: str, release: str, fetch: Callable[[str], bytes]) -> tuple[bytes, bytes]:
    """The bytes of manifest and record below the URL of a store: the record tells the name of its manifest."""
    prefix, name = base.rstrip("/") + "/.releases", record.check_release_id(release).replace("+", "%2B")
    data = fetch(f"{prefix}/{name}.json")
    return fetch(f"{prefix}/{record.manifest_name(record.parse(data))}"), data


def present(folder: Path) -> Pair | None:
    """The pair in a release folder; None where one of the two is missing."""
    names = read_bytes(folder / record.MANIFEST_NAME)
    data = read_bytes(folder / record.RECORD_NAME)
    return None if names is None or data is None else Pair(manifest=names, record=data)


def check_replaceable(old: Pair | None, new: Record) -> None:
    """A release id means one content for ever (F9); what is not readable may be replaced."""
    if old is None:
        return
    try:
        known = record.parse(old.record)
    except TrundleError:
        return
    found = record.differences(known, new)
    if found:
        raise TrundleError(
            f"Release '{new.release}' is on this host with another content ({found[0]}): "
            "take another release id, or remove the release from the host first.",
            differences=found,
        )


def is_same(old: Pair, new: Pair) -> bool:
    """An equal package that was recorded at another time is the same one."""
    try:
        return old.manifest == new.manifest and record.same_content(record.parse(old.record), record.parse(new.record))
    except TrundleError:
        return False


def install(folder: Path, pair: Pair, *, owner: str | None = None, group: str | None = None) -> None:
    """Write the manifest, then the record, which marks the folder as complete."""
    if not folder.is_dir():
        raise TrundleError(f"There is no release folder {folder} on this host: stage the release's code first.")
    if os.geteuid() != 0:
        owner = group = None
    # Both ids are looked up before anything is changed.
    user_id(owner)
    group_id(group)
    target = folder / record.RECORD_NAME
    if read_bytes(folder / record.MANIFEST_NAME) != pair.manifest:
        target.unlink(missing_ok=True)
        atomic_write(folder / record.MANIFEST_NAME, pair.manifest, owner=owner, group=group)
    atomic_write(target, pair.record, owner=owner, group=group)


def _required(path: Path) -> bytes:
    data = read_bytes(path)
    if data is None:
        raise TrundleError(f"There is no {path} on this host.")
    return data
