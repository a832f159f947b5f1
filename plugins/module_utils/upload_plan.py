# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a publish would do, found from one listing of the store and the records that are there.

No file is asked for by itself, except where the records say that its headers may be those of another time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import note_key
from ansible_collections.trundle.django.plugins.module_utils.package import Package, asset_headers, file_digest
from ansible_collections.trundle.django.plugins.module_utils.published import (
    RECORDS,
    check_same,
    manifest_key,
    read_record,
    record_key,
    release_of,
)
from ansible_collections.trundle.django.plugins.module_utils.record import FileEntry, Record
from ansible_collections.trundle.django.plugins.module_utils.store import Headers, Listing, Store, Stored
from ansible_collections.trundle.django.plugins.module_utils.sweep import SWEEP

# So many records of other releases are read at most, to find out which headers files have.
OTHERS = 5
HEADS_AT_ONCE = 16


@dataclass(frozen=True)
class Plan:
    """What a publish would do.

    replaced: key -> size of the object that is there but is not the right one; stale: key -> MD5 of one that has the
    size of what is to replace it, under a name without a hash; headers: key -> what
    is wrong, for those that are written again because of their headers alone; unrecorded: how many
    of the unchanged ones no record that was read tells of, as after a run that was cut off; note:
    whether the store is to be told that used_by uses the release; sweep: what the listing showed of
    deletions.
    """

    uploads: tuple[str, ...]
    unchanged: int
    replaced: Mapping[str, int]
    record: bool
    manifest: bool
    bytes: int
    requests: int
    headers: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    unrecorded: int = 0
    used_by: str | None = None
    note: bool = False
    sweep: Stored | None = None


@dataclass(frozen=True)
class Published:
    """A record of the store, and when it was written."""

    record: Record
    modified: datetime | None


def make_plan(store: Store, package: Package, *, force: bool = False, used_by: str | None = None) -> Plan:
    """Compare the release with one listing of the store; a record of other content is refused (F9).

    used_by: the site whose hosts are about to use the release.
    """
    record = package.record
    note = note_key(used_by, record.release) if used_by else None
    names = [*record.files, record_key(record.release), manifest_key(record)]
    listing = store.find(names, folder=RECORDS)
    own = _own(store, package, listing)
    others = _Others(store, listing, record.release)
    uploads = {key for key in record.files if force or _needs_upload(package, key, listing, own, others)}
    present = record.files.keys() & listing.objects.keys() - uploads
    headers, unrecorded = _wrong_headers(store, record, present, own, others)
    sent = tuple(sorted(uploads | headers.keys()))
    return Plan(
        uploads=sent,
        unchanged=len(record.files) - len(sent),
        replaced={key: listing.objects[key].size for key in sent if key in listing.objects},
        record=own is None,
        manifest=not _manifest_present(package, listing),
        bytes=sum(record.files[key].size for key in sent),
        requests=listing.requests,
        headers=headers,
        stale=_stale(package, uploads, listing),
        unrecorded=unrecorded,
        used_by=used_by,
        note=note is not None and note not in listing.objects,
        sweep=listing.objects.get(SWEEP),
    )


def header_problems(entry: FileEntry, answer: Headers | None) -> list[str]:
    """What differs from the record, one sentence each."""
    if answer is None:
        return ["missing"]
    pairs = (
        ("Content-Type", answer.content_type, entry.content_type),
        ("Cache-Control", answer.cache_control, entry.cache_control),
        ("Content-Encoding", answer.content_encoding, entry.content_encoding),
    )
    return [
        f"{name} is {actual!r} where the record says {expected!r}"
        for name, actual, expected in pairs
        if (actual or None) != expected
    ]


class _Others:
    """The records of other releases, the newest first, read when they are needed and at most a few of them.

    One that cannot be read tells nothing: it is for those who verify or retire it to complain.
    """

    def __init__(self, store: Store, listing: Listing, release: str) -> None:
        self._store = store
        self._modified = {
            other: stored.modified
            for name, stored in listing.objects.items()
            if (other := release_of(name)) and other != release and stored.modified
        }
        self._left = sorted(self._modified, key=lambda other: (self._modified[other], other))[-OTHERS:]
        self._read: list[Published] = []

    def get(self, number: int) -> Published | None:
        while len(self._read) <= number and self._left:
            release = self._left.pop()
            try:
                record = read_record(self._store, release)
            except TrundleError:
                continue
            if record is not None:
                self._read.append(Published(record, self._modified[release]))
        return self._read[number] if number < len(self._read) else None


def _own(store: Store, package: Package, listing: Listing) -> Published | None:
    """The record of this release, where it is published: with the same content, or it is refused."""
    record, name = package.record, record_key(package.record.release)
    stored = listing.objects.get(name)
    if stored is None:
        return None
    # The same bytes need not be read again.
    existing = record if stored.md5 == _md5(package.record_bytes) else read_record(store, record.release)
    if existing is None:
        return None
    check_same(existing, record, where=store.url(name))
    return Published(existing, stored.modified)


def _needs_upload(package: Package, key: str, listing: Listing, own: Published | None, others: _Others) -> bool:
    """A name with a hash is compared by size; any other one by content, or sent where that is unknown (F8)."""
    stored, entry = listing.objects.get(key), package.record.files[key]
    if stored is None or stored.size != entry.size:
        return True
    if key in package.immutable:
        return False
    if stored.md5 is not None:
        return stored.md5 != file_digest(package.path(key), "md5")
    # A record that is no older than the object was written when the object had that content.
    for published in (own, others.get(0)):
        known = published.record.files.get(key) if published else None
        if published and known and stored.modified and published.modified and published.modified >= stored.modified:
            return known.sha256 != entry.sha256
    return True


def _stale(package: Package, uploads: AbstractSet[str], listing: Listing) -> dict[str, str]:
    found = {}
    for key in uploads - package.immutable:
        stored = listing.objects.get(key)
        if stored is None or stored.md5 is None or stored.size != package.record.files[key].size:
            continue
        if stored.md5 != file_digest(package.path(key), "md5"):
            found[key] = stored.md5
    return found


def _manifest_present(package: Package, listing: Listing) -> bool:
    stored = listing.objects.get(manifest_key(package.record))
    # Where the ETag tells nothing the size must do: the name is that of its content, and hosts check it.
    return stored is not None and stored.size == len(package.manifest) and stored.md5 in (None, _md5(package.manifest))


def _md5(data: bytes) -> str:
    """What the ETag of an object of these bytes is."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _wrong_headers(
    store: Store, record: Record, present: Collection[str], own: Published | None, others: _Others
) -> tuple[dict[str, str], int]:
    """Those of the present files that have other headers than this record wants (F7), and of how many nothing is known.

    A listing does not tell headers. Whoever published last has put its own ones right, so only a file
    that the newest other record wants otherwise is asked for; of a release that is new, and of a file
    that the newest record does not have, older ones tell.
    """
    if not store.keeps_headers:
        return {}, 0
    suspects, unknown = [], set(present)
    for number in range(OTHERS if own is None else 1):
        other = others.get(number) if unknown else None
        if other is None:
            break
        known = unknown & other.record.files.keys()
        suspects += [key for key in known if asset_headers(other.record.files[key]) != asset_headers(record.files[key])]
        unknown -= known
    with ThreadPoolExecutor(HEADS_AT_ONCE) as pool:
        answers = dict(zip(suspects, pool.map(store.head, suspects)))
    problems = {key: "; ".join(header_problems(record.files[key], answer)) for key, answer in answers.items()}
    return {key: problem for key, problem in problems.items() if problem}, 0 if own else len(unknown)
