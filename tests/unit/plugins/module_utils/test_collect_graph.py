# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of files that refer to each other."""

from __future__ import annotations

import random

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect_graph import (
    CycleError,
    components,
    dependency_order,
    settles,
)


def test_what_is_referred_to_comes_first() -> None:
    graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": [], "e": ["a"]}
    order = dependency_order(graph)
    assert sorted(order) == sorted(graph)
    assert all(order.index(target) < order.index(name) for name, targets in graph.items() for target in targets)


def test_a_chain_of_any_length() -> None:
    graph = {str(number): [str(number + 1)] for number in range(20000)}
    graph["20000"] = []
    assert dependency_order(graph)[0] == "20000"


@pytest.mark.parametrize(
    ("graph", "way"),
    [
        pytest.param({"a": ["a"]}, ["a", "a"], id="itself"),
        pytest.param({"a": ["b"], "b": ["a"]}, ["a", "b", "a"], id="two"),
        pytest.param(
            {"x": ["c"], "c": ["a", "x2"], "a": ["b"], "b": ["c"], "x2": []}, ["a", "b", "c", "a"], id="three"
        ),
    ],
)
def test_a_cycle_is_named(graph: dict[str, list[str]], way: list[str]) -> None:
    with pytest.raises(CycleError) as caught:
        dependency_order(graph)
    assert caught.value.names == way
    assert str(caught.value) == " -> ".join(way)


def test_components_are_those_that_reach_each_other() -> None:
    chance = random.Random(3)
    for _round in range(200):
        names = [str(number) for number in range(chance.randint(1, 9))]
        graph = {name: chance.sample(names, chance.randint(0, min(3, len(names)))) for name in names}
        reach = {name: reachable(graph, name) for name in names}
        expected = {frozenset(b for b in names if a == b or (b in reach[a] and a in reach[b])) for a in names}
        assert {frozenset(component) for component in components(graph)} == expected


def reachable(graph: dict[str, list[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


@pytest.mark.parametrize(
    ("order", "passes", "expected"),
    [
        # Each pass settles one more file when they come in the wrong order, and the last one sees no change.
        pytest.param("abcd", 4, True, id="against the order"),
        pytest.param("abcd", 3, False, id="one pass short"),
        pytest.param("dcba", 1, True, id="with the order"),
        pytest.param("dcba", 0, False, id="no pass that could see that nothing changes"),
    ],
)
def test_djangos_passes(order: str, passes: int, expected: bool) -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["d"]}
    assert settles(list(order), graph, set(), passes) is expected


def test_a_file_that_keeps_its_name_costs_no_pass() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["d"]}
    assert settles(list("abcd"), graph, {"d"}, 3)
