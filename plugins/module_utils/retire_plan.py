# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a store is to be retired: which releases, and which objects that nothing refers to any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import read_notes
from ansible_collections.trundle.django.plugins.module_utils.published import (
    MANIFESTS,
    RECORDS,
    manifest_key,
    read_record,
    record_key,
    release_of,
    shortened,
)
from ansible_collections.trundle.django.plugins.module_utils.store import Store, Stored
from ansible_collections.trundle.django.plugins.module_utils.store_retry import tried_again
from ansible_collections.trundle.django.plugins.module_utils.store_survey import Amount
from ansible_collections.trundle.django.plugins.module_utils.unreferenced import Marks, now, read_marks

READ_AT_ONCE = 8
MEANWHILE = "published meanwhile"
# A part of the name as Django adds it; a compressed variant ends in another extension.
_HASHED = re.compile(r"\.[0-9a-f]{12}(\.[^/]*)?")
# What obstore has no name for: an empty part, or dots.
_UNSAFE = re.compile(r"(?:^|/)\.{0,2}(?:/|\Z)")

Unknown = Literal["hashed", "all", "none"]


@dataclass(frozen=True)
class Policy:
    """What is kept: see the options of static_retire."""

    keep: int = 10
    keep_days: float = 30
    grace_days: float = 7
    in_use: frozenset[str] = frozenset()
    used_by: str | None = None
    forget: frozenset[str] = frozenset()
    unknown: Unknown = "hashed"
    allow_unpublished: bool = False


@dataclass(frozen=True)
class Plan:
    """kept: release -> why; deleted: name -> size, of what is deleted besides the records of the retired releases.

    waiting: what is not referred to and has to wait for the end of the grace period; foreign: what stays because nobody
    knows where it comes from. new_notes and old_notes: releases that the site's hosts use by now, and those, with their
    site, that it does not use any more.
    """

    kept: Mapping[str, list[str]]
    retired: tuple[str, ...]
    deleted: Mapping[str, int]
    waiting: Mapping[str, int]
    foreign: Amount
    marks: Marks
    marks_before: Marks
    new_notes: tuple[str, ...] = ()
    old_notes: tuple[tuple[str, str], ...] = ()
    record_sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def doomed(self) -> frozenset[str]:
        return frozenset([*map(record_key, self.retired), *self.deleted])

    @property
    def bytes(self) -> int:
        return sum(self.deleted.values()) + sum(self.record_sizes[release] for release in self.retired)

    @property
    def changes(self) -> bool:
        return bool(self.doomed or self.new_notes or self.old_notes) or not self.marks.same(self.marks_before)

    def within(self, first: Plan) -> Plan:
        """Only what was announced by a first plan may go."""
        late = {name: size for name, size in self.deleted.items() if name not in first.deleted}
        due = {name: size for name, size in self.deleted.items() if name in first.deleted}
        return replace(self, deleted=due, waiting={**self.waiting, **late})


@dataclass(frozen=True)
class _Reach:
    """kept: all that a kept record refers to; released: what else a record refers to."""

    kept: frozenset[str]
    released: frozenset[str]


@tried_again
def make_plan(store: Store, policy: Policy, *, announced: Plan | None = None) -> Plan:
    """Read what is there. Records are listed before all else, so that none is missed whose files are seen.

    announced: a first plan, for a second look. A release that it does not retire keeps its record, and so its files.
    """
    at = now()
    books = store.find((), folder=RECORDS).objects
    published = {release: stored for name, stored in books.items() if (release := release_of(name))}
    notes = {site: used for site, used in read_notes(books).items() if site not in policy.forget}
    kept = choose(published, notes, policy, at)
    if announced:
        kept |= {release: [MEANWHILE] for release in published.keys() - kept.keys() - set(announced.retired)}
    _check_in_use(store, published, notes, policy)
    reach = _reach(store, published, kept)
    before = read_marks(store)
    unreferenced, foreign = _unreferenced(store, reach, before, policy)
    marks = _marked(unreferenced, reach, before, at)
    due, waiting = _sorted(unreferenced, marks, policy, at)
    new_notes, old_notes = _notes(read_notes(books), published, policy)
    plan = Plan(
        kept=kept,
        retired=tuple(sorted(published.keys() - kept.keys())),
        deleted=due,
        waiting=waiting,
        foreign=foreign,
        marks=marks,
        marks_before=before,
        new_notes=new_notes,
        old_notes=old_notes,
        record_sizes={release: stored.size for release, stored in published.items()},
    )
    return plan.within(announced) if announced else plan


def choose(
    published: Mapping[str, Stored], notes: Mapping[str, Collection[str]], policy: Policy, at: datetime
) -> dict[str, list[str]]:
    """Which releases are kept, and why; the one that was published last comes first."""
    ordered = sorted(published, key=lambda release: (published[release].modified or at, release), reverse=True)
    kept: dict[str, list[str]] = {}
    for number, release in enumerate(ordered):
        # A host's clock may be behind the store's.
        days = max(0.0, (at - (published[release].modified or at)) / timedelta(days=1))
        reasons = ["in use"] if release in policy.in_use else []
        reasons += [f"in use by {site}" for site in sorted(notes) if release in notes[site] and site != policy.used_by]
        reasons += [f"one of the newest {policy.keep}"] if number < policy.keep else []
        reasons += [f"published less than {policy.keep_days:g} days ago"] if days < policy.keep_days else []
        if reasons:
            kept[release] = reasons
    return kept


def _check_in_use(
    store: Store, published: Mapping[str, Stored], notes: Mapping[str, Collection[str]], policy: Policy
) -> None:
    """Nobody knows which files a release has that is in use and has no record."""
    used = dict.fromkeys(policy.in_use, "your hosts")
    for site in sorted(notes):
        if site != policy.used_by:
            used.update((release, site) for release in notes[site])
    missing = [f"'{release}' (by {used[release]})" for release in sorted(used.keys() - published.keys())]
    if missing and not policy.allow_unpublished:
        raise TrundleError(
            f"{len(missing)} releases are in use whose records {store.location.url} does not have: "
            f"{shortened(missing)}. Which files they need is not known, so nothing was retired. Publish them again, "
            "remove them from their hosts, or set allow_unpublished where their files are elsewhere."
        )


def _reach(store: Store, published: Mapping[str, Stored], kept: Collection[str]) -> _Reach:
    """Read all records; one that cannot be read stops it, whether it was to be kept or not."""
    referred: dict[bool, set[str]] = {True: set(), False: set()}
    problems = []

    def read(release: str) -> frozenset[str] | TrundleError:
        # Only the names are kept: the records of a store may be larger than the memory.
        try:
            record = read_record(store, release)
        except TrundleError as exc:
            return exc
        if record is None:
            return TrundleError(f"{store.url(record_key(release))} has just been removed.")
        if record.release != release:
            return TrundleError(f"{store.url(record_key(release))} is the record of release '{record.release}'.")
        return frozenset([*record.files, manifest_key(record)])

    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        for release, answer in zip(published, pool.map(read, published)):
            if isinstance(answer, TrundleError):
                problems.append(answer.message)
            else:
                referred[release in kept] |= answer
    if problems:
        raise TrundleError(
            f"{len(problems)} of {len(published)} records cannot be read, so nothing was retired: "
            f"{shortened(problems)} Update trundle.django, or publish these releases again.",
            problems=problems,
        )
    return _Reach(frozenset(referred[True]), frozenset(referred[False] - referred[True]))


def _unreferenced(store: Store, reach: _Reach, before: Marks, policy: Policy) -> tuple[dict[str, Stored], Amount]:
    """What releases have left, and how much of others there is, which may be any number of files."""
    released = reach.released | before.released
    found: dict[str, Stored] = {}
    files = size = 0
    for name, stored in store.iterate():
        if name in reach.kept or (name.startswith(RECORDS) and not name.startswith(MANIFESTS)):
            continue
        if _is_ours(name, released, policy.unknown):
            found[name] = stored
        else:
            files, size = files + 1, size + stored.size
    return found, Amount(files, size)


def _marked(unreferenced: Mapping[str, Stored], reach: _Reach, before: Marks, at: datetime) -> Marks:
    # What a record still refers to begins to wait when that record goes.
    since = {name: at if name in reach.released else before.since.get(name, at) for name in unreferenced}
    known = (reach.released | before.released) & since.keys()
    return Marks(since, frozenset(known), before.e_tag)


def _sorted(
    unreferenced: Mapping[str, Stored], marks: Marks, policy: Policy, at: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """What is due, and what has to wait."""
    due: dict[str, int] = {}
    waiting: dict[str, int] = {}
    grace = timedelta(days=policy.grace_days)
    for name, stored in unreferenced.items():
        # What was uploaded after it was seen is about to be referred to again.
        since = max(marks.since[name], stored.modified or at)
        (due if at - since >= grace or not grace else waiting)[name] = stored.size
    return due, waiting


def _is_ours(name: str, released: Collection[str], unknown: Unknown) -> bool:
    """Whether a release has put it there, as far as that can be known."""
    if _UNSAFE.search(name):
        return False
    if name in released or name.startswith(MANIFESTS) or unknown == "all":
        return True
    return unknown == "hashed" and _HASHED.search(name.rpartition("/")[2]) is not None


def _notes(
    notes: Mapping[str, Collection[str]], published: Mapping[str, Stored], policy: Policy
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    own = set(notes.get(policy.used_by, ())) if policy.used_by else set()
    used = policy.in_use & published.keys() if policy.used_by else set()
    old = [(policy.used_by or "", release) for release in sorted(own - used)]
    old += [(site, release) for site in sorted(policy.forget) for release in sorted(notes.get(site, ()))]
    return tuple(sorted(used - own)), tuple(old)
