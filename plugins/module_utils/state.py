# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of an app's releases beyond one run: the file <root>/state.json.

history is a stack of activations, newest first; going back to a release takes off all that came after
it. Order comes from this stack and never from the time stamps of folders (F23).

roll is there from before a roll moves the first host until the whole fleet has been judged. A run that was
killed in between leaves it (F27): the release that it was about is not confirmed, and what counts as having
run before is what ran before that roll.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, read_bytes
from ansible_collections.trundle.django.plugins.module_utils.manifest import load_json

SCHEMA = 1

_FIELDS = frozenset({"schema", "active", "history", "activated", "bad", "draining", "roll"})


@dataclass(frozen=True)
class BadMark:
    """Why and when (ISO 8601, UTC) a release was found to be bad."""

    reason: str
    at: str


@dataclass(frozen=True)
class Roll:
    """A roll to a release that has begun and not ended; before: the history from before it."""

    release: str
    before: tuple[str, ...]
    at: str

    @property
    def back(self) -> str | None:
        """Where its failure leads."""
        return self.before[0] if self.before else None


@dataclass(frozen=True)
class State:
    """activated: release -> time of its last activation; bad outlives the release's folder."""

    history: tuple[str, ...] = ()
    activated: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[str, BadMark] = field(default_factory=dict)
    draining: bool = False
    roll: Roll | None = None

    @property
    def active(self) -> str | None:
        return self.history[0] if self.history else None


def previous(state: State, usable: Collection[str]) -> str | None:
    """Where a rollback leads: the newest earlier release that is usable (whole, on disk) and not bad.

    Out of a roll that did not end it is the older one of both releases: a return is completed, all else undone.
    """
    earlier = state.history[1:]
    if state.roll is not None:
        before = state.roll.before
        earlier = before[before.index(state.roll.release) :] if state.roll.release in before else before
    for release in earlier:
        if release in usable and release not in state.bad:
            return release
    return None


def activate(state: State, release: str, *, now: str) -> State:
    """A release of the history is returned to; any other goes on top of it.

    During a roll that is the history from before it, so that a release which was never confirmed is not in it.
    """
    known = state.roll.before if state.roll else state.history
    history = known[known.index(release) :] if release in known else (release, *known)
    if history == state.history:
        return state
    return replace(state, history=history, activated={**state.activated, release: now})


def deactivate(state: State, release: str) -> State:
    """Nothing is active where the first release of all is undone; another one has an earlier one to go back to."""
    return replace(state, history=()) if state.history == (release,) else state


def begin(state: State, release: str, *, now: str) -> State:
    """Where an earlier roll did not end, what ran before that one is still what is gone back to."""
    if state.roll is None:
        return replace(state, roll=Roll(release=release, before=state.history, at=now))
    if state.roll.release == release:
        return state
    return replace(state, roll=replace(state.roll, release=release, at=now))


def end(state: State) -> State:
    return replace(state, roll=None)


def mark_bad(state: State, release: str, *, reason: str, now: str) -> State:
    mark = state.bad.get(release)
    if mark is not None and mark.reason == reason:
        return state
    return replace(state, bad={**state.bad, release: BadMark(reason=reason, at=now)})


def clear_bad(state: State, release: str) -> State:
    if release not in state.bad:
        return state
    return replace(state, bad={name: mark for name, mark in state.bad.items() if name != release})


def forget(state: State, releases: Iterable[str]) -> State:
    """Take removed releases out of the history; their bad marks stay, so that no later deploy tries them."""
    gone = frozenset(releases)
    before = state.roll.before if state.roll else ()
    if gone.isdisjoint((*state.history, *state.activated, *before)):
        return state
    return replace(
        state,
        history=tuple(release for release in state.history if release not in gone),
        roll=state.roll and replace(state.roll, before=tuple(release for release in before if release not in gone)),
        activated={release: at for release, at in state.activated.items() if release not in gone},
    )


def as_dict(state: State) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "active": state.active,
        "history": list(state.history),
        "activated": dict(state.activated),
        "bad": {release: {"reason": mark.reason, "at": mark.at} for release, mark in state.bad.items()},
        "draining": state.draining,
        "roll": state.roll and {**vars(state.roll), "before": list(state.roll.before)},
    }


def parse(data: bytes) -> State:
    document = load_json(data, what="the state file")
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _bad(f"its schema is not {SCHEMA}; a newer trundle.django may read it")
    document.setdefault("roll", None)
    if document.keys() != _FIELDS:
        raise _bad(f"its fields are not {', '.join(sorted(_FIELDS))}")
    history, activated, bad = document["history"], document["activated"], document["bad"]
    if not isinstance(history, list) or not all(isinstance(release, str) for release in history):
        raise _bad("history is not a list of releases")
    if document["active"] != (history[0] if history else None):
        raise _bad("the active release is not the first of the history")
    if not isinstance(activated, dict) or not all(isinstance(at, str) for at in activated.values()):
        raise _bad("activated is not a mapping of releases to times")
    if not isinstance(bad, dict) or not isinstance(document["draining"], bool):
        raise _bad("bad or draining has not the expected form")
    return State(
        history=tuple(history),
        activated=activated,
        bad={release: _mark(mark) for release, mark in bad.items()},
        draining=document["draining"],
        roll=_roll(document["roll"]),
    )


def read(path: Path) -> State:
    """The state in the file; an empty one where there is no file yet."""
    data = read_bytes(path)
    return State() if data is None else parse(data)


def write(path: Path, state: State) -> None:
    atomic_write(path, (json.dumps(as_dict(state), sort_keys=True, indent=1) + "\n").encode("utf-8"))


def _mark(value: Any) -> BadMark:
    if not isinstance(value, dict) or not isinstance(value.get("reason"), str) or not isinstance(value.get("at"), str):
        raise _bad("a bad mark has no reason or no time")
    return BadMark(reason=value["reason"], at=value["at"])


def _roll(value: Any) -> Roll | None:
    if value is None:
        return None
    names = {"release", "before", "at"}
    if not isinstance(value, dict) or value.keys() != names or not isinstance(value["before"], list):
        raise _bad("roll has not the expected form")
    if not all(isinstance(text, str) for text in (value["release"], value["at"], *value["before"])):
        raise _bad("roll has not the expected form")
    return Roll(release=value["release"], before=tuple(value["before"]), at=value["at"])


def _bad(cause: str) -> TrundleError:
    return TrundleError(f"Failed to read the state file: {cause}.")
