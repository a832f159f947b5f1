# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock in the store, so that one deploy runs at a time (F26).

The lock is an object. It is created only where there is none, and changed only by a write that
names the version that was read, so of any number of takers one wins. Giving it back writes a lock
that nobody holds: deleting cannot be tied to a version everywhere, and could remove the lock of
somebody who took over in that moment.

It is held for so many seconds since it was written, by the store's clock: the clock of the holder
does not count, that of the host which wants to take it over does.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import load_json
from ansible_collections.trundle.django.plugins.module_utils.published import RECORD_HEADERS, RECORDS
from ansible_collections.trundle.django.plugins.module_utils.store import ObjectChangedError, ObjectExistsError, Store

SCHEMA = 1
# An id of a release has no slash, so no record is below this.
LOCKS = f"{RECORDS}locks/"
# So often it is looked at while somebody else holds it, give or take a half: waiting deploys do not move in step.
POLL = 5.0
# Whoever holds it writes it anew when this part of its time is over: what comes next has nearly all of it, and it is
# not written each time that it is looked at.
RENEW_AFTER = 0.1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Lock:
    """lease: what proves to be the holder, None where nobody is; ttl: seconds since it was written; run: which it is.

    What run means is the controller's matter: it may know there that this run has ended.
    """

    lease: str | None
    holder: str
    host: str
    purpose: str
    taken: str
    ttl: int
    run: str = ""


@dataclass(frozen=True)
class Found:
    """A lock as it is in the store; expires: by the store's clock."""

    lock: Lock
    e_tag: str
    expires: datetime

    @property
    def held(self) -> bool:
        return self.lock.lease is not None and self.expires > datetime.now(timezone.utc)

    def told(self) -> dict[str, Any]:
        """The holder, as a module returns it."""
        names = ("holder", "host", "purpose", "taken", "run")
        return {**{name: getattr(self.lock, name) for name in names}, "expires": self.expires.strftime(_TIME)}

    def sentence(self) -> str:
        lock = self.lock
        return f"{lock.holder} on {lock.host} ({lock.purpose}), since {lock.taken} and until {self.told()['expires']}"


@dataclass(frozen=True)
class Taken:
    """lease: to be given for what follows; after: whose expired lock this was."""

    lease: str
    changed: bool
    after: Found | None = None


def lock_key(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise TrundleError(
            f"The name {name!r} of the lock is not valid: it starts with a letter or digit, goes on with letters, "
            "digits, '.', '_' or '-', and has at most 128 characters."
        )
    return f"{LOCKS}{name}.json"


def new_lock(*, holder: str, host: str, purpose: str, ttl: int, run: str = "") -> Lock:
    """A lock with a lease of its own, taken now."""
    if ttl < 1:
        raise TrundleError(f"The ttl of a lock is a number of seconds, not {ttl}.")
    taken = datetime.now(timezone.utc).strftime(_TIME)
    return Lock(secrets.token_hex(8), holder, host, purpose, taken, ttl, run)


def find(store: Store, name: str) -> Found | None:
    """The lock that is in the store, held or not."""
    version = store.get_version(lock_key(name))
    if version is None:
        return None
    lock = _parse(version.data, where=store.url(lock_key(name)))
    return Found(lock, version.e_tag, version.modified + timedelta(seconds=lock.ttl))


def take(
    store: Store,
    name: str,
    wanted: Lock,
    *,
    wait: float = 0,
    take_over: str | None = None,
    check_mode: bool = False,
    unlock: str = "",
    pause: Callable[[float], None] = time.sleep,
    waiting: Callable[[], None] = lambda: None,
) -> Taken:
    """Take the lock, for which up to wait seconds are waited.

    A lock is taken over when it has expired, or at once where take_over is when it was taken: whoever says so knows
    that its holder has ended, and cannot mean the lock of somebody who came after.
    unlock: the command that gives back the lock of anybody, for who is refused.
    """
    deadline = time.monotonic() + wait
    while True:
        found = find(store, name)
        # Ours where an answer to the write below was lost and the write was sent again.
        if found and found.lock.lease == wanted.lease:
            return Taken(found.lock.lease or "", changed=True)
        if not (found and found.held) or found.lock.taken == take_over:
            after = found if found and found.lock.lease else None
            if check_mode or _write(store, name, wanted, found):
                return Taken(wanted.lease or "", changed=True, after=after)
            continue
        left = deadline - time.monotonic()
        if check_mode and wait:
            return Taken(wanted.lease or "", changed=True)
        if left <= 0:
            raise _held(found, wait, store.url(lock_key(name)), unlock)
        waiting()
        pause(min(left, POLL * random.uniform(0.5, 1.5)))  # noqa: S311 (no secret)


def renew(store: Store, name: str, lease: str, *, ttl: int, check_mode: bool = False) -> Taken:
    """Hold on to a lock that was taken; it is written anew when a tenth of its time is over."""
    found = find(store, name)
    if found is None or found.lock.lease != lease:
        by = f"{found.sentence()} holds it now" if found and found.held else "nobody holds it now"
        raise TrundleError(
            f"The lock {store.url(lock_key(name))} was lost: {by}. It had expired, or somebody removed it. "
            "Nothing more is done. Deploy again, with a longer ttl where a deploy takes longer.",
            lock=found.told() if found and found.held else None,
        )
    if found.expires - datetime.now(timezone.utc) > timedelta(seconds=ttl * (1 - RENEW_AFTER)):
        return Taken(lease, changed=False)
    if check_mode or _write(store, name, replace(found.lock, ttl=ttl), found):
        return Taken(lease, changed=True)
    return renew(store, name, lease, ttl=ttl)


def give_back(store: Store, name: str, lease: str | None, *, check_mode: bool = False) -> Found | None:
    """Let go of the lock of this lease, or with None of anybody's; returns what was held, if anything."""
    found = find(store, name)
    if found is None or found.lock.lease is None or lease not in (None, found.lock.lease):
        return None
    if check_mode or _write(store, name, replace(found.lock, lease=None), found):
        return found
    # Another version by now: our own write, sent twice, or somebody who took over.
    return give_back(store, name, lease) or found


def _write(store: Store, name: str, lock: Lock, found: Found | None) -> bool:
    """Write over what was found; False where somebody else was faster."""
    document = {"schema": SCHEMA, **vars(lock)}
    data = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        if found is None:
            store.put(lock_key(name), data, RECORD_HEADERS, create_only=True)
        else:
            store.replace(lock_key(name), data, RECORD_HEADERS, e_tag=found.e_tag)
    except (ObjectExistsError, ObjectChangedError):
        return False
    return True


def _held(found: Found, wait: float, where: str, unlock: str) -> TrundleError:
    waited = f" It was waited for {wait:.0f} seconds." if wait else ""
    left = max(1, round((found.expires - datetime.now(timezone.utc)).total_seconds() / 60))
    how = f" Where it has certainly ended, this gives its lock back: {unlock}" if unlock else ""
    return TrundleError(
        f"Another deploy is running: {found.sentence()} holds the lock {where}.{waited} Wait until it has ended. If it "
        f"was killed, its lock can be taken over in {left} min.{how}",
        lock=found.told(),
    )


def _parse(data: bytes, *, where: str) -> Lock:
    document = load_json(data, what=f"the lock {where}")
    names = {field.name for field in fields(Lock)}
    if isinstance(document, dict):
        # Locks that were written before runs had a name.
        document.setdefault("run", "")
    known = isinstance(document, dict) and document.pop("schema", None) == SCHEMA and document.keys() == names
    if not known or not isinstance(document["ttl"], int):
        raise TrundleError(
            f"The lock {where} is not one that is known here: a newer trundle.django may have written it. "
            "Remove that object when no deploy is running."
        )
    return Lock(**document)
