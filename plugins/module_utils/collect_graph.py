# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which files that refer to each other are written: each of them once.

Part of the program in the project's Python: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class CycleError(Exception):
    """names: a way through the cycle, the first one again at the end."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(" -> ".join(names))
        self.names = names


def dependency_order(graph: dict[str, list[str]]) -> list[str]:
    """The names with what they refer to first. Raises CycleError.

    Tarjan's algorithm finds the components in this order; only components of one file without a
    reference to itself can be written once.
    """
    order = []
    for component in components(graph):
        if len(component) > 1 or component[0] in graph[component[0]]:
            raise CycleError(way_around(graph, component))
        order.append(component[0])
    return order


def components(graph: dict[str, list[str]]) -> list[list[str]]:
    """Strongly connected components, those that are referred to first (Tarjan 1972, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    found: list[list[str]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        enter(root, index, low, stack, on_stack)
        while work:
            node, children = work[-1]
            for child in children:
                if child not in index:
                    enter(child, index, low, stack, on_stack)
                    work.append((child, iter(graph[child])))
                    break
                if child in on_stack:
                    low[node] = min(low[node], index[child])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    found.append(leave(node, stack, on_stack))
    return found


def enter(node: str, index: dict[str, int], low: dict[str, int], stack: list[str], on_stack: set[str]) -> None:
    index[node] = low[node] = len(index)
    stack.append(node)
    on_stack.add(node)


def leave(node: str, stack: list[str], on_stack: set[str]) -> list[str]:
    component = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        component.append(member)
        if member == node:
            return component


def way_around(graph: dict[str, list[str]], component: Iterable[str]) -> list[str]:
    """A shortest cycle through the component's first name in the alphabet."""
    members = set(component)
    start = min(members)
    reached: dict[str, str] = {}
    level = [start]
    while level:
        following = []
        for node in level:
            for child in graph[node]:
                if child == start:
                    way = [start]
                    step = node
                    while step != start:
                        way.insert(0, step)
                        step = reached[step]
                    return [start, *way]
                if child in members and child not in reached:
                    reached[child] = node
                    following.append(child)
        level = following
    return [start]


def settles(order: Sequence[str], graph: dict[str, list[str]], originals: set[str], passes: int) -> bool:
    """Whether Django's passes over the files, in its order, come to an end.

    Django looks at names only: a pass in which no file's name changed is the last one, and it
    refuses when there is none. The name of a file is as new as those it refers to; before its
    first turn it goes by its original content. originals: files that rewriting leaves as they are.
    """
    numbers: dict[tuple[str, tuple[int, ...] | None], int] = {}

    def number(name: str, seen: tuple[int, ...] | None) -> int:
        return numbers.setdefault((name, seen), len(numbers))

    current: dict[str, int] = {}

    def name_of(name: str) -> int:
        if name in current:
            return current[name]
        return number(name, () if name in originals and not graph.get(name) else None)

    for turn in range(passes + 1):
        changed = False
        for name in order:
            new = number(name, tuple(name_of(target) for target in graph.get(name, ())))
            changed = changed or current.get(name) != new
            current[name] = new
        if turn and not changed:
            return True
    return False
