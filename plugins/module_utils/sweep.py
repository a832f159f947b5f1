# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps deletions and publishes apart, by one small object of the store.

No store deletes an object on a condition. So who deletes first writes down what is to go, waits until whoever
publishes at this moment has made its record, looks at all records again, and only then deletes. Who publishes asks
for this object just before the record is made. Where it has been written since the store was listed, what the listing
showed may be gone, and the store is listed again; where it names a file of the release, the deletion is waited for.
So a record never refers to what is deleted, though neither side holds a lock that the other one waits for.

A run that was killed leaves the names. As long as it lives it writes the object again every RENEW seconds, and begins
no deletion later than that; so an object that stayed the same for LEASE seconds belongs to nobody.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import load_json
from ansible_collections.trundle.django.plugins.module_utils.published import RECORD_HEADERS, RECORDS
from ansible_collections.trundle.django.plugins.module_utils.store import (
    ObjectChangedError,
    ObjectExistsError,
    Store,
    Stored,
)
from ansible_collections.trundle.django.plugins.module_utils.store_retry import tried_again

SCHEMA = 1
# An id of a release has no slash, so no record is below this.
SWEEP = f"{RECORDS}retire/sweep.json"
RENEW = 30.0
# A deletion that was begun in time may be sent again for three minutes.
LEASE = 300.0
# No store serves a host whose clock is a quarter of an hour wrong.
DEAD = LEASE + 900.0
POLL = 2.0
_FIELDS = frozenset({"schema", "run", "names"})
# For so long a publish that has asked may take to make its record. The end is written in another second than the
# begin, as the time of an object has no parts of a second.
SETTLE = 30
LEAST_SETTLE = 2


@dataclass(frozen=True)
class Found:
    """names: what is being deleted, if anything; run: who has written it."""

    names: frozenset[str]
    run: str
    e_tag: str
    modified: datetime


def find(store: Store) -> Found | None:
    version = store.get_version(SWEEP)
    if version is None:
        return None
    document = load_json(version.data, what=store.url(SWEEP))
    if not isinstance(document, dict) or document.keys() != _FIELDS or document["schema"] != SCHEMA:
        raise TrundleError(
            f"{store.url(SWEEP)} is not known here: a newer trundle.django may have written it. Update this one, or "
            "remove that object when nothing is being retired."
        )
    return Found(frozenset(document["names"]), document["run"], version.e_tag, version.modified)


def undisturbed(
    store: Store,
    seen: Stored | None,
    names: Collection[str],
    *,
    pause: Callable[[float], None] = time.sleep,
    waiting: Callable[[], None] = lambda: None,
) -> bool:
    """Whether what a listing showed of these names still holds; seen: what it showed of this object."""
    own = frozenset(names)
    found = find(store)
    if found is None:
        return seen is None
    if not own.isdisjoint(found.names):
        _wait(store, lambda now: not own.isdisjoint(now.names), pause=pause, waiting=waiting)
        return False
    return seen is not None and seen.modified is not None and _second(seen.modified) == _second(found.modified)


class Sweep:
    """The time in which these names may be deleted; what is inside has to look at all records again first."""

    def __init__(
        self,
        store: Store,
        names: Collection[str],
        *,
        settle: float = SETTLE,
        pause: Callable[[float], None] = time.sleep,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._names = frozenset(names)
        self._settle = max(settle, LEAST_SETTLE)
        self._pause, self._waiting = pause, waiting
        self._run = secrets.token_hex(8)
        self._written = 0.0

    def __enter__(self) -> Sweep:
        found = _wait(self._store, lambda now: bool(now.names), pause=self._pause, waiting=self._waiting)
        self._write(self._names, found)
        try:
            self._let_settle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        # Nothing is under way any more, also after an error. Where this fails, it ends by itself.
        with suppress(TrundleError):
            _write(self._store, frozenset(), secrets.token_hex(8), self._own())

    def hold(self) -> None:
        """To be called before each deletion: it is ours to delete for some time from now."""
        if time.monotonic() - self._written >= RENEW:
            self._write(self._names, self._own())

    def _let_settle(self) -> None:
        end = time.monotonic() + self._settle
        while (left := end - time.monotonic()) > 0:
            self._waiting()
            self._pause(min(left, POLL))
            self.hold()

    def _write(self, names: frozenset[str], found: Found | None) -> None:
        begun = time.monotonic()
        # What is written for the same names is to be another version.
        self._run = secrets.token_hex(8)
        if not _write(self._store, names, self._run, found):
            raise self._lost()
        self._written = begun

    def _own(self) -> Found:
        found = find(self._store)
        if found is None or found.run != self._run:
            raise self._lost()
        return found

    def _lost(self) -> TrundleError:
        return TrundleError(
            f"Somebody else has begun to retire releases in {self._store.location.url}, or this took too long: "
            "nothing more is deleted. Run again."
        )


def _wait(
    store: Store, concerns: Callable[[Found], bool], *, pause: Callable[[float], None], waiting: Callable[[], None]
) -> Found | None:
    """Wait while there is a deletion that concerns us; that of a run which was killed is ended."""
    tag, since = "", time.monotonic()
    while True:
        found = find(store)
        if found is None or not concerns(found):
            return found
        if found.e_tag != tag:
            tag, since = found.e_tag, time.monotonic()
        age = (datetime.now(timezone.utc) - found.modified).total_seconds()
        if time.monotonic() - since >= LEASE or age >= DEAD:
            _write(store, frozenset(), secrets.token_hex(8), found)
            continue
        waiting()
        pause(POLL)


@tried_again
def _write(store: Store, names: frozenset[str], run: str, found: Found | None) -> bool:
    """Write over what was found; False where somebody else was faster."""
    document = {"schema": SCHEMA, "run": run, "names": sorted(names)}
    data = (json.dumps(document, ensure_ascii=False) + "\n").encode()
    try:
        if found is None:
            store.put(SWEEP, data, RECORD_HEADERS, create_only=True)
        else:
            store.replace(SWEEP, data, RECORD_HEADERS, e_tag=found.e_tag)
    except (ObjectExistsError, ObjectChangedError):
        # Our own write, where its answer was lost and it was sent again.
        now = find(store)
        return now is not None and now.run == run
    return True


def _second(time_: datetime) -> int:
    """A listing may tell parts of a second where an answer to a GET does not."""
    return int(time_.timestamp())
