# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases a store holds, and how much of it they refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.published import (
    RECORDS,
    read_record,
    record_key,
    release_of,
)
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.store import Store, Stored

READ_AT_ONCE = 16


@dataclass(frozen=True)
class Amount:
    files: int
    bytes: int


@dataclass(frozen=True)
class Unreadable:
    record: str
    cause: str


@dataclass(frozen=True)
class Found:
    """published: when the record was written, by the store's clock; own: what no other release refers to."""

    record: Record
    published: str
    files: Amount
    own: Amount
    missing: int


@dataclass(frozen=True)
class Survey:
    """releases: the newest first. What a record that cannot be read refers to counts as unreferenced."""

    releases: tuple[Found, ...]
    reachable: Amount
    unreferenced: Amount
    unreadable: tuple[Unreadable, ...]


def survey(store: Store) -> Survey:
    """List the store once, and read each record once."""
    assets: dict[str, int] = {}
    published: dict[str, Stored] = {}
    for name, stored in store.iterate():
        if not name.startswith(RECORDS):
            assets[name] = stored.size
        elif release := release_of(name):
            published[release] = stored
    records, unreadable = _read(store, sorted(published))
    references = Counter(key for record in records for key in record.files)
    found = [_found(record, published[record.release], assets, references) for record in records]
    reachable = _amount(assets, references.keys() & assets.keys())
    return Survey(
        releases=tuple(sorted(found, key=lambda one: (one.published, one.record.release), reverse=True)),
        reachable=reachable,
        unreferenced=Amount(len(assets) - reachable.files, sum(assets.values()) - reachable.bytes),
        unreadable=tuple(unreadable),
    )


def _read(store: Store, releases: list[str]) -> tuple[list[Record], list[Unreadable]]:
    records, unreadable = [], []

    def read(release: str) -> Record | TrundleError | None:
        try:
            return read_record(store, release)
        except TrundleError as exc:
            return exc

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for release, answer in zip(releases, pool.map(read, releases)):
            # None: removed since it was listed.
            if isinstance(answer, TrundleError):
                unreadable.append(Unreadable(record_key(release), answer.message))
            elif answer is not None and answer.release != release:
                unreadable.append(Unreadable(record_key(release), f"It is the record of release '{answer.release}'."))
            elif answer is not None:
                records.append(answer)
    return records, unreadable


def _found(record: Record, stored: Stored, assets: Mapping[str, int], references: Mapping[str, int]) -> Found:
    present = record.files.keys() & assets.keys()
    return Found(
        record=record,
        published=stored.modified.strftime("%Y-%m-%dT%H:%M:%SZ") if stored.modified else record.created,
        files=Amount(len(record.files), sum(entry.size for entry in record.files.values())),
        own=_amount(assets, {key for key in present if references[key] == 1}),
        missing=len(record.files) - len(present),
    )


def _amount(assets: Mapping[str, int], keys: set[str]) -> Amount:
    return Amount(len(keys), sum(assets[key] for key in keys))
