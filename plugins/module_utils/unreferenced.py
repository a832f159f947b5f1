# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when nothing refers to an object: who retires releases writes down what it sees, for the next time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import load_json
from ansible_collections.trundle.django.plugins.module_utils.published import RECORD_HEADERS, RECORDS
from ansible_collections.trundle.django.plugins.module_utils.store import ObjectChangedError, ObjectExistsError, Store
from ansible_collections.trundle.django.plugins.module_utils.store_retry import tried_again

SCHEMA = 1
MARKS = f"{RECORDS}retire/unreferenced.json"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Marks:
    """since: name -> when it was first seen without a reference; released: those that a release once had."""

    since: Mapping[str, datetime] = field(default_factory=dict)
    released: frozenset[str] = frozenset()
    e_tag: str | None = None

    def same(self, other: Marks) -> bool:
        return (self.since, self.released) == (other.since, other.released)


def read_marks(store: Store) -> Marks:
    version = store.get_version(MARKS)
    if version is None:
        return Marks()
    document = load_json(version.data, what=store.url(MARKS))
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise TrundleError(
            f"{store.url(MARKS)} is not known here: a newer trundle.django may have written it. Update this one, or "
            "remove that object; the grace period then begins anew."
        )
    groups = [(_time(at), group) for at, group in document["since"].items()]
    since = {name: at for at, group in groups for names in group.values() for name in names}
    released = frozenset(name for _at, group in groups for name in group["released"])
    return Marks(since, released, version.e_tag)


@tried_again
def write_marks(store: Store, marks: Marks) -> None:
    """Write over the version that these marks were made from."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name in sorted(marks.since):
        group = groups.setdefault(marks.since[name].strftime(_TIME), {"released": [], "unknown": []})
        group["released" if name in marks.released else "unknown"].append(name)
    data = (json.dumps({"schema": SCHEMA, "since": groups}, ensure_ascii=False) + "\n").encode()
    try:
        if marks.e_tag is None:
            store.put(MARKS, data, RECORD_HEADERS, create_only=True)
        else:
            store.replace(MARKS, data, RECORD_HEADERS, e_tag=marks.e_tag)
    except (ObjectExistsError, ObjectChangedError):
        # Our own write, where its answer was lost and it was sent again.
        if store.get(MARKS) != data:
            raise TrundleError(
                f"Somebody else is retiring releases in {store.location.url} at the same time; run again."
            ) from None


def now() -> datetime:
    """As exact as it is written."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
