# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a store keeps the record and the manifest of a release, and what reading them can tell."""

from __future__ import annotations

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import CACHE_RECORD
from ansible_collections.trundle.django.plugins.module_utils.record import (
    RELEASE_ID,
    Record,
    check_release_id,
    differences,
    manifest_name,
    parse,
    same_content,
)
from ansible_collections.trundle.django.plugins.module_utils.store import Store

RECORDS = ".releases/"
MANIFESTS = f"{RECORDS}manifests/"
RECORD_HEADERS = {"Content-Type": "application/json", "Cache-Control": CACHE_RECORD}
# So many problems are told one by one.
TOLD = 10


def record_key(release: str) -> str:
    return f"{RECORDS}{check_release_id(release)}.json"


def manifest_key(record: Record) -> str:
    """Named by its content: whoever writes this object writes these bytes, so nobody overwrites another's (F9)."""
    return f"{RECORDS}{manifest_name(record)}"


def release_of(name: str) -> str | None:
    """The id of the release whose record has this name; manifests and locks are in folders of their own."""
    if not name.startswith(RECORDS) or not name.endswith(".json"):
        return None
    found = RELEASE_ID.fullmatch(name[len(RECORDS) : -5])
    return found.group(0) if found else None


def read_record(store: Store, release: str) -> Record | None:
    """The record of a published release, or None where it is not published."""
    data = store.get(record_key(release))
    if data is None:
        return None
    try:
        return parse(data)
    except TrundleError as exc:
        raise TrundleError(f"{store.url(record_key(release))}: {exc.message}") from exc


def check_same(existing: Record, record: Record, *, where: str) -> None:
    """Refuse a second content for one release id (F9)."""
    if same_content(existing, record):
        return
    found = differences(existing, record, limit=TOLD)
    raise TrundleError(
        f"Release '{record.release}' is published already with other content ({where}); nothing was changed. "
        f"Use a new release id. First differences, published -> local: {'; '.join(found)}",
        differences=found,
    )


def shortened(lines: list[str]) -> str:
    more = f" and {len(lines) - TOLD} more" if len(lines) > TOLD else ""
    return "; ".join(lines[:TOLD]) + more
