# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.filter.fleet import FilterModule

STORE = {
    "releases": [
        {
            "release": "v2",
            "published": "2026-11-21T09:01:10Z",
            "revision": "3a5b",
            "files": 8,
            "bytes": 90,
            "missing": 0,
        }
    ],
    "unreferenced": {"files": 3, "bytes": 412},
}


def line(**changed: Any) -> dict[str, Any]:
    return {
        "active": "v2",
        "since": "2026-11-21T09:02:00Z",
        "previous": "v1",
        "bad": [],
        "staged": ["v2", "v1"],
        "incomplete": [],
        "begun": None,
        "drained": False,
        "healthy": True,
        "serves": "v2",
        "cause": None,
        **changed,
    }


def fleet(lines: dict[str, Any], **options: Any) -> dict[str, Any]:
    return dict(FilterModule().filters()["fleet"](lines, **{"hosts": list(lines), **options}))


def test_a_whole_fleet_has_no_problem() -> None:
    found = fleet({"web1": line(), "web2": line()}, store=STORE)
    assert found["report"]["problems"] == []
    assert not found["report"]["mixed"]
    assert found["report"]["releases"] == {"v2": ["web1", "web2"]}
    assert found["table"] == [
        "host  active  since                 serves  healthy  drained  previous  staged  bad",
        "web1  v2      2026-11-21T09:02:00Z  v2      yes      no       v1        v2,v1   -",
        "web2  v2      2026-11-21T09:02:00Z  v2      yes      no       v1        v2,v1   -",
        "",
        "release  published             revision  files  bytes  missing",
        "v2       2026-11-21T09:01:10Z  3a5b      8      90     0",
        "3 files of the store with 412 bytes belong to no release.",
        "",
        "All hosts run and serve the same release.",
    ]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (line(active="v1", serves="v1"), "the fleet is mixed (web1: v2; web2: v1)"),
        (line(serves="v1"), "web2 serves v1 where v2 is active"),
        (line(begun="v3"), "web2 has a roll to v3 that has begun and not ended"),
        (line(healthy=False, cause="last answer 503"), "web2 is not healthy: last answer 503"),
    ],
)
def test_what_is_wrong_is_told(other: dict[str, Any], said: str) -> None:
    found = fleet({"web1": line(), "web2": other})
    assert found["report"]["problems"] == [said]
    assert found["table"][-1] == said
    assert found["report"]["mixed"] == ("mixed" in said)


def test_a_host_without_a_release_makes_the_fleet_mixed() -> None:
    found = fleet({"web1": line(), "web2": line(active=None, since=None, serves=None, staged=[])})["report"]
    assert found["problems"] == ["the fleet is mixed (web1: v2; web2: none)", "web2 has no active release"]
    assert found["releases"] == {"v2": ["web1"]}


def test_a_drained_host_is_shown_and_no_problem() -> None:
    found = fleet({"web1": line(drained=True, healthy=False)})
    assert found["report"]["problems"] == []
    assert found["table"][1].split()[5] == "yes"


def test_a_host_that_could_not_be_asked_is_named() -> None:
    found = fleet({"web1": line()}, hosts=["web1", "web2"])["report"]
    assert found["unreachable"] == ["web2"]
    assert found["problems"] == ["web2 could not be asked"]


def test_a_store_that_could_not_be_asked_is_told_and_no_problem_of_the_fleet() -> None:
    found = fleet({"web1": line()}, store={"error": "no bucket"})
    assert "The store could not be asked: no bucket" in found["table"]
    assert found["report"]["problems"] == []
