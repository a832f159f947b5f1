# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.state import Roll, State

NOW = "2026-11-21T09:00:00Z"
ALL = {"v1", "v2", "v3"}


def activated(*releases: str) -> State:
    state = State()
    for number, release in enumerate(releases):
        state = states.activate(state, release, now=f"2026-11-21T09:0{number}:00Z")
    return state


@pytest.mark.parametrize(
    ("order", "history"),
    [
        ([], ()),
        (["v1"], ("v1",)),
        (["v1", "v2"], ("v2", "v1")),
        (["v1", "v1"], ("v1",)),
        (["v1", "v2", "v3", "v2"], ("v2", "v1")),
        (["v1", "v2", "v3", "v1"], ("v1",)),
        (["v1", "v2", "v1", "v2"], ("v2", "v1")),
    ],
)
def test_history_is_a_stack(order: list[str], history: tuple[str, ...]) -> None:
    state = activated(*order)
    assert state.history == history
    assert state.active == (history[0] if history else None)


def test_previous_skips_what_is_bad_or_not_whole() -> None:
    state = activated("v1", "v2", "v3")
    assert states.previous(state, ALL) == "v2"
    assert states.previous(state, {"v1", "v3"}) == "v1"
    assert states.previous(states.mark_bad(state, "v2", reason="slow", now=NOW), ALL) == "v1"
    assert states.previous(activated("v1"), ALL) is None
    assert states.previous(State(), ALL) is None


def test_a_second_rollback_goes_further_back() -> None:
    state = activated("v1", "v2", "v3", "v2")
    assert states.previous(state, ALL) == "v1"


def test_f27_a_release_that_was_never_confirmed_is_not_gone_back_to() -> None:
    """A roll from v1 to v2 was cut off when this host had moved; then v3 comes."""
    cut_off = states.activate(states.begin(activated("v1"), "v2", now=NOW), "v2", now=NOW)
    assert (cut_off.history, states.previous(cut_off, ALL)) == (("v2", "v1"), "v1")
    begun = states.begin(cut_off, "v3", now=NOW)
    assert begun.roll == Roll(release="v3", before=("v1",), at=NOW)
    done = states.end(states.activate(begun, "v3", now=NOW))
    assert (done.history, done.roll) == (("v3", "v1"), None)
    assert states.previous(done, ALL) == "v1"


def test_f27_a_rollback_that_was_cut_off_leads_to_the_same_release_again() -> None:
    """Also on the host that has moved already; and its failure leads to where it came from."""
    begun = states.begin(activated("v1", "v2", "v3"), "v2", now=NOW)
    moved = states.activate(begun, "v2", now=NOW)
    assert moved.history == ("v2", "v1")
    assert states.previous(begun, ALL) == states.previous(moved, ALL) == "v2"
    assert states.activate(moved, "v3", now=NOW).history == ("v3", "v2", "v1")


def test_f27_a_roll_that_is_begun_again_is_the_same() -> None:
    begun = states.begin(activated("v1"), "v2", now=NOW)
    assert states.begin(begun, "v2", now="later") is begun
    assert begun.roll is not None
    assert begun.roll.back == "v1"
    assert states.begin(State(), "v1", now=NOW).roll == Roll(release="v1", before=(), at=NOW)


def test_f27_what_a_roll_leads_back_to_is_not_forgotten_unless_it_is_gone() -> None:
    state = states.begin(activated("v1", "v2"), "v3", now=NOW)
    assert states.forget(state, ["v9"]) is state
    forgotten = states.forget(state, ["v1"]).roll
    assert forgotten is not None
    assert forgotten.before == ("v2",)


def test_bad_mark_is_set_once_and_cleared() -> None:
    state = states.mark_bad(activated("v1"), "v2", reason="503", now=NOW)
    assert states.mark_bad(state, "v2", reason="503", now="later") == state
    assert states.mark_bad(state, "v2", reason="slow", now="later").bad["v2"].at == "later"
    assert states.clear_bad(state, "v2") == activated("v1")
    assert states.clear_bad(state, "v1") is state


def test_forgotten_releases_keep_their_mark() -> None:
    state = states.mark_bad(activated("v1", "v2", "v3"), "v1", reason="503", now=NOW)
    found = states.forget(state, ["v1", "v2"])
    assert found.history == ("v3",)
    assert set(found.activated) == {"v3"}
    assert set(found.bad) == {"v1"}
    assert states.forget(found, ["v1"]) is found


def test_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert states.read(path) == State()
    state = states.mark_bad(activated("v1", "v2"), "v3", reason="503", now=NOW)
    states.write(path, state)
    assert states.read(path) == state
    assert json.loads(path.read_bytes()) == {
        "schema": 1,
        "active": "v2",
        "history": ["v2", "v1"],
        "activated": {"v1": "2026-11-21T09:00:00Z", "v2": "2026-11-21T09:01:00Z"},
        "bad": {"v3": {"reason": "503", "at": NOW}},
        "draining": False,
        "roll": None,
    }
    states.write(path, states.begin(state, "v4", now=NOW))
    assert states.read(path).roll == Roll(release="v4", before=("v2", "v1"), at=NOW)


def test_a_file_from_before_rolls_were_noted_is_read() -> None:
    document = states.as_dict(activated("v1"))
    del document["roll"]
    assert states.parse(json.dumps(document).encode()) == activated("v1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "schema is not 1"),
        ({"extra": 1}, "its fields are not"),
        ({"active": "v9"}, "not the first of the history"),
        ({"history": "v1"}, "history is not a list"),
        ({"activated": []}, "activated is not"),
        ({"bad": {"v3": {}}}, "no reason"),
        ({"draining": "no"}, "draining has not"),
        ({"roll": {"release": "v2"}}, "roll has not"),
        ({"roll": {"release": "v2", "before": [1], "at": NOW}}, "roll has not"),
    ],
)
def test_what_is_not_understood_is_refused(change: dict[str, Any], message: str) -> None:
    document = {**states.as_dict(activated("v1")), **change}
    with pytest.raises(TrundleError, match=message):
        states.parse(json.dumps(document).encode())
