# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish a release: upload what the store lacks, prove it, and only then create the record.

Nothing is deleted here. An object whose name carries its hash is written once, and again only
where its size shows that it is broken, or its headers are to be others.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import write_note
from ansible_collections.trundle.django.plugins.module_utils.package import (
    SMALL,
    Package,
    check_digest,
    file_digest,
    load_package,
    load_record,
    read_file,
    texts,
)
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps
from ansible_collections.trundle.django.plugins.module_utils.published import (
    RECORD_HEADERS,
    RECORDS,
    check_same,
    manifest_key,
    read_record,
    record_key,
    shortened,
)
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.store import (
    FinalError,
    Headers,
    ObjectExistsError,
    Store,
    Stored,
    ThrottledError,
)
from ansible_collections.trundle.django.plugins.module_utils.sweep import LEAST_SETTLE, undisturbed
from ansible_collections.trundle.django.plugins.module_utils.upload_plan import Plan, make_plan

__all__ = [
    "RECORDS",
    "RECORD_HEADERS",
    "Package",
    "Plan",
    "load_package",
    "load_record",
    "make_plan",
    "manifest_key",
    "publish",
    "read_record",
    "record_key",
    "shortened",
    "texts",
]

# Up to this size a file is sent by one request, after which the store's ETag is its MD5; larger ones in parts.
SINGLE = 16 * SMALL
# What is not small is sent a few at a time: each of them takes its size of memory.
LARGE_AT_ONCE = 4
# So often a store that asks to slow down is tried, after pauses of so many seconds that double each time.
ROUNDS = 4
PAUSE = 2.0
# So often a release is looked at anew because files were deleted while it was published.
TURNS = 20
# After so many failures the rest is not even tried: the store or the line is broken.
GIVE_UP_AFTER = 20


@dataclass(frozen=True)
class Failure:
    key: str
    cause: str


def publish(store: Store, package: Package, plan: Plan, *, concurrency: int, progress: Progress | None = None) -> bool:
    """Carry the plan out; True when this call created the record.

    The order is the safety: assets, proof, manifest, record. Whatever fails leaves the release
    unpublished (F4), and the next run goes on with what is missing. Where old files are deleted at
    the same time, the store is looked at again before the record.
    """
    progress = progress or Progress()
    created = False
    for _turn in range(TURNS):
        _complete(store, package, plan, concurrency=concurrency, progress=progress)
        asked = time.monotonic()
        if _may_record(store, package, plan, progress):
            if plan.record:
                created = _create_record(store, package)
                _note(store, package, plan)
            # Who deletes waits for a record that is made as fast as usual.
            if time.monotonic() - asked < LEAST_SETTLE / 2 or _may_record(store, package, plan, progress):
                return created
        plan = make_plan(store, package, used_by=plan.used_by)
    raise TrundleError(
        f"Release '{package.record.release}' {_state(plan)}: old files are deleted from {store.location.url} again and "
        "again meanwhile. Run again."
    )


def _complete(store: Store, package: Package, plan: Plan, *, concurrency: int, progress: Progress) -> None:
    """All but the record."""
    if plan.uploads:
        failures = upload(store, package, plan, concurrency=concurrency, progress=progress)
        if failures:
            raise _upload_error(package.record, plan, failures)
        progress.tell("prove")
        prove(store, package.record, plan)
    if plan.manifest:
        store.put(manifest_key(package.record), package.manifest, RECORD_HEADERS)


def _may_record(store: Store, package: Package, plan: Plan, progress: Progress) -> bool:
    """Whether what the plan found in the store is still there; a record that nobody new uses need not be."""
    if not plan.record:
        if not plan.note:
            return True
        # Before it is asked for: who deletes from now on knows that the release is used.
        _note(store, package, plan)
    record = package.record
    names = (*record.files, manifest_key(record), record_key(record.release))
    return undisturbed(store, plan.sweep, names, waiting=lambda: progress.tell("sweep"))


def _note(store: Store, package: Package, plan: Plan) -> None:
    if plan.note and plan.used_by:
        write_note(store, plan.used_by, package.record.release)


def upload(
    store: Store,
    package: Package,
    plan: Plan,
    *,
    concurrency: int,
    progress: Progress,
    pause: Callable[[float], None] = time.sleep,
) -> list[Failure]:
    """Send the plan's files side by side and return what failed; after too many failures the rest is left.

    Each request was sent again with growing pauses by then. Where the store still asks to slow down,
    the rest follows after a longer pause, with fewer files at a time.
    """
    steps = Steps(progress, "upload", len(plan.uploads), total_size=plan.bytes)
    keys: list[str] = list(plan.uploads)
    for number in range(ROUNDS):
        turn = _Round(store, package, steps, last=number == ROUNDS - 1)
        turn.run(keys, concurrency)
        if turn.failures or not turn.left:
            break
        keys, concurrency = turn.left, max(1, concurrency // 4)
        # Several build hosts that were asked to slow down do not come back in step.
        pause(PAUSE * 2**number * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
    return sorted(turn.failures, key=lambda failure: failure.key)


class _Round:
    """One go at some files. left: those to be sent later, because the store asked to slow down."""

    def __init__(self, store: Store, package: Package, steps: Steps, *, last: bool) -> None:
        self.store, self.package, self.steps, self.last = store, package, steps, last
        self.failures: list[Failure] = []
        self.left: list[str] = []
        self.given_up, self.slow = threading.Event(), threading.Event()
        self.large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def run(self, keys: list[str], concurrency: int) -> None:
        with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(keys)))) as pool:
            for _none in pool.map(self.send, keys):
                pass

    def send(self, key: str) -> None:
        if self.given_up.is_set():
            return
        if self.slow.is_set():
            self.left.append(key)
            return
        try:
            _send(self.store, self.package, key, self.large)
            self.steps.done(self.package.record.files[key].size)
        except ThrottledError as exc:
            if self.last:
                self.fail(key, exc)
            else:
                self.slow.set()
                self.left.append(key)
        except TrundleError as exc:
            self.fail(key, exc)

    def fail(self, key: str, exc: TrundleError) -> None:
        self.failures.append(Failure(key, exc.message))
        if isinstance(exc, FinalError) or len(self.failures) >= GIVE_UP_AFTER:
            self.given_up.set()


def prove(store: Store, record: Record, plan: Plan) -> None:
    """Ask the store anew for what was sent; what a PUT answered is not believed."""
    found: Mapping[str, Stored | Headers]
    if len(plan.uploads) <= plan.requests:
        found = {key: answer for key in plan.uploads if (answer := store.head(key))}
    else:
        found = store.find(plan.uploads).objects
    problems = [f"{key}: {lost}" for key in plan.uploads if (lost := _lost(record, plan, key, found.get(key)))]
    if problems:
        raise TrundleError(
            f"Release '{record.release}' {_state(plan)}: the store accepted {len(problems)} of its files but "
            f"does not have them: {shortened(problems)}. Run again to upload them.",
            problems=problems,
        )


def _lost(record: Record, plan: Plan, key: str, stored: Stored | Headers | None) -> str:
    """Why an object cannot be what was sent, or nothing."""
    if stored is None:
        return "missing"
    if stored.size != record.files[key].size:
        return f"{stored.size} bytes where {record.files[key].size} were sent"
    # An ETag need not be the MD5 of what was sent, as where the bucket encrypts; that of before shows all the same.
    return "the content of before" if stored.md5 is not None and stored.md5 == plan.stale.get(key) else ""


def _send(store: Store, package: Package, key: str, large: threading.BoundedSemaphore) -> None:
    """Upload one file, whose bytes must be those of the record."""
    entry, path = package.record.files[key], package.path(key)
    with large if entry.size > SMALL else nullcontext():
        if entry.size <= SINGLE:
            data = read_file(path)
            check_digest(path, hashlib.sha256(data).hexdigest(), entry)
            store.put(key, data, package.headers(key))
        else:
            check_digest(path, file_digest(path, "sha256"), entry)
            store.put(key, path, package.headers(key))


def _upload_error(record: Record, plan: Plan, failures: list[Failure]) -> TrundleError:
    told = shortened([failure.key for failure in failures])
    return TrundleError(
        f"Release '{record.release}' {_state(plan)}: {len(failures)} of {len(plan.uploads)} uploads failed "
        f"({told}). First cause: {failures[0].cause} The next run goes on with what is missing.",
        failed_uploads=[{"key": failure.key, "cause": failure.cause} for failure in failures],
    )


def _state(plan: Plan) -> str:
    return "was not published" if plan.record else "is published but not whole"


def _create_record(store: Store, package: Package) -> bool:
    """Create the record, or accept that somebody else has just created the same one."""
    release = package.record.release
    try:
        store.put(record_key(release), package.record_bytes, RECORD_HEADERS, create_only=True)
        return True
    except ObjectExistsError:
        winner = read_record(store, release)
    if winner is None:
        raise TrundleError(f"Release '{release}' was published and removed at the same time; run again.")
    check_same(winner, package.record, where=store.url(record_key(release)))
    return False
