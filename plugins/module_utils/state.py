# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of an app's releases beyond one run: the file <root>/state.json.

history is a stack of activations, newest first; going back to a release takes off all that came after
it. Order comes from this stack and never from the time stamps of folders (F23).
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

_FIELDS = frozenset({"schema", "active", "history", "activated", "bad", "draining"})


@dataclass(frozen=True)
class BadMark:
    """Why and when (ISO 8601, UTC) a release was found to be bad."""

    reason: str
    at: str


@dataclass(frozen=True)
class State:
    """activated: release -> time of its last activation; bad outlives the release's folder."""

    history: tuple[str, ...] = ()
    activated: Mapping[str, str] = field(default_factory=dict)
    bad: Mapping[str, BadMark] = field(default_factory=dict)
    draining: bool = False

    @property
    def active(self) -> str | None:
        return self.history[0] if self.history else None


def previous(state: State, usable: Collection[str]) -> str | None:
    """Where a rollback leads: the newest earlier release that is usable (whole, on disk) and not bad."""
    for release in state.history[1:]:
        if release in usable and release not in state.bad:
            return release
    return None


def activate(state: State, release: str, *, now: str) -> State:
    """A release of the history is returned to; any other goes on top of it."""
    if release == state.active:
        return state
    known = state.history
    history = known[known.index(release) :] if release in known else (release, *known)
    return replace(state, history=history, activated={**state.activated, release: now})


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
    if gone.isdisjoint(state.history) and gone.isdisjoint(state.activated):
        return state
    return replace(
        state,
        history=tuple(release for release in state.history if release not in gone),
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
    }


def parse(data: bytes) -> State:
    document = load_json(data, what="the state file")
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise _bad(f"its schema is not {SCHEMA}; a newer trundle.django may read it")
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


def _bad(cause: str) -> TrundleError:
    return TrundleError(f"Failed to read the state file: {cause}.")
