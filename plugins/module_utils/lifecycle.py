# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release's way through a host changes: planned first, then applied, so that check mode tells it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.record import RELEASE_ID
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree, now
from ansible_collections.trundle.django.plugins.module_utils.state import State
from ansible_collections.trundle.django.plugins.module_utils.systemd import systemd_escape


@dataclass(frozen=True)
class Host:
    """What is on the host: the state, release -> whether it is whole, and the link `current`."""

    state: State
    releases: dict[str, bool]
    linked: str | None

    @property
    def whole(self) -> set[str]:
        return {release for release, complete in self.releases.items() if complete}

    @property
    def previous(self) -> str | None:
        return states.previous(self.state, self.whole)


@dataclass(frozen=True)
class Plan:
    """Where the host goes to; apply does it in this order."""

    state: State
    stage: str | None = None
    remove: tuple[str, ...] = ()
    link: str | None = None
    unlink: bool = False
    leftovers: bool = False

    def changes(self, host: Host) -> bool:
        acts = self.stage or self.remove or self.link or self.unlink or self.leftovers
        return bool(acts or self.state != host.state)


def read(tree: Tree) -> Host:
    return Host(state=states.read(tree.state_path), releases=tree.found(), linked=tree.linked())


def plan_present(host: Host, tree: Tree, release: str, *, has_src: bool, retry_bad: bool) -> Plan:
    state = _not_bad(host.state, release, retry_bad=retry_bad)
    complete = host.releases.get(release)
    if complete or (complete is False and not has_src):
        return Plan(state)
    if complete is False and release in tree.running():
        raise TrundleError(
            f"Release '{release}' is not complete, yet a process runs from it, so it is not staged anew: "
            "stop that process, or take another release id."
        )
    return Plan(state, stage=release)


def plan_active(host: Host, tree: Tree, release: str, *, retry_bad: bool, dry_run: bool) -> Plan:
    state = _not_bad(host.state, release, retry_bad=retry_bad)
    # A dry run comes here without the release having been staged.
    if not dry_run or release in host.whole:
        tree.check_whole(release)
    return Plan(states.activate(state, release, now=now()), link=None if host.linked == release else release)


def plan_inactive(host: Host, release: str) -> Plan:
    """The way back of a first release."""
    earlier = [name for name in host.state.history if name != release]
    if host.state.active == release and earlier:
        raise TrundleError(f"Release '{release}' followed '{earlier[0]}' on this host: activate that one instead.")
    return Plan(states.deactivate(host.state, release), unlink=host.linked == release)


def plan_absent(host: Host, tree: Tree, release: str, *, force: bool) -> Plan:
    if release == host.state.active or release == host.linked:
        raise TrundleError(f"Release '{release}' is the active one and is not removed: activate another one first.")
    if release in host.releases and not force:
        if release == host.previous:
            raise TrundleError(f"Release '{release}' is the one that a rollback leads to: set force to remove it.")
        if release in tree.running():
            raise TrundleError(f"A process runs from release '{release}': stop it, or set force to remove the release.")
    remove = (release,) if release in host.releases else ()
    return Plan(states.forget(host.state, [release]), remove=remove)


def plan_discarded(host: Host, tree: Tree, release: str) -> Plan:
    """What a stage that failed has left goes, and with it what it took of the disk (F28); nothing that is whole."""
    half = host.releases.get(release) is False and release not in tree.running()
    return Plan(host.state, remove=(release,) if half else (), leftovers=bool(tree.leftovers()))


def plan_bad(host: Host, release: str, *, reason: str) -> Plan:
    return Plan(states.mark_bad(host.state, release, reason=reason, now=now()))


def plan_begun(host: Host, release: str) -> Plan:
    return Plan(states.begin(host.state, release, now=now()))


def plan_ended(host: Host) -> Plan:
    return Plan(states.end(host.state))


def plan_retire(host: Host, *, keep: int, protect: Collection[str], running: Collection[str], leftovers: bool) -> Plan:
    """Keep what is live, can be returned to or is protected, and the newest good ones up to `keep`.

    Bad and incomplete releases are not counted, so they never push a good one out (F24).
    """
    state = host.state
    always = {state.active, host.previous, host.linked, *protect, *running}
    good = [release for release in host.whole if release not in state.bad]
    if state.active is None:
        # Nothing tells which of them are in use.
        kept = always | set(good)
    else:
        ranked = sorted(good, key=lambda release: _rank(host, release), reverse=True)
        kept = always | set(ranked[:keep])
    remove = tuple(release for release in sorted(host.releases) if release not in kept)
    return Plan(states.forget(state, remove), remove=remove, leftovers=leftovers)


def needed(host: Host, running: Collection[str]) -> list[str]:
    """The releases whose static files visitors of this host may ask for, now or after a rollback."""
    state = host.state
    usable = {release for release in host.whole if release not in state.bad}
    named = {state.active, host.previous, host.linked}
    if state.roll is not None:
        named |= {state.roll.release, *state.roll.before}
    found = {release for release in host.releases if release in usable or release in named}
    return sorted(found | {release for release in running if RELEASE_ID.fullmatch(release)})


def apply(
    tree: Tree,
    host: Host,
    plan: Plan,
    *,
    src: Path | None = None,
    owner: str | None = None,
    group: str | None = None,
) -> None:
    """The state is written before a folder goes, so that it never names one that is gone."""
    if plan.stage is not None:
        if src is not None and not src.is_file():
            raise TrundleError(f"Failed to stage release '{plan.stage}': there is no archive {src} on this host.")
        tree.stage(plan.stage, src, owner=owner, group=group)
    if plan.link is not None:
        tree.link(plan.link)
    if plan.unlink:
        tree.unlink()
    if plan.state != host.state:
        states.write(tree.state_path, plan.state)
    for release in plan.remove:
        tree.remove(release)
    if plan.leftovers or plan.remove:
        tree.remove_leftovers()


def after(host: Host, plan: Plan) -> Host:
    """The host as the plan leaves it."""
    releases = {release: complete for release, complete in host.releases.items() if release not in plan.remove}
    if plan.stage is not None:
        releases[plan.stage] = False
    return Host(state=plan.state, releases=releases, linked=None if plan.unlink else plan.link or host.linked)


def as_diff(host: Host) -> dict[str, Any]:
    return {**states.as_dict(host.state), "releases": sorted(host.releases), "current": host.linked}


def report(host: Host) -> dict[str, Any]:
    """What the release modules return."""
    return {
        "active": host.state.active,
        "previous": host.previous,
        "releases": ordered(host),
        "bad": states.as_dict(host.state)["bad"],
    }


def details(host: Host, tree: Tree) -> list[dict[str, Any]]:
    return [
        {
            "release": release,
            "instance": systemd_escape(release),
            "path": str(tree.folder(release)),
            "complete": host.releases[release],
            "bad": release in host.state.bad,
            "activated": host.state.activated.get(release),
        }
        for release in ordered(host)
    ]


def ordered(host: Host) -> list[str]:
    """The active one first, then by the order of their activations; staged ones last."""
    return sorted(sorted(host.releases), key=lambda release: _rank(host, release), reverse=True)


def _rank(host: Host, release: str) -> tuple[int, str]:
    """By the place in the history, then by time of activation; never by the time stamp of a folder."""
    history = host.state.history
    place = len(history) - history.index(release) if release in history else 0
    return place, host.state.activated.get(release, "")


def _not_bad(state: State, release: str, *, retry_bad: bool) -> State:
    mark = state.bad.get(release)
    if mark is not None and not retry_bad:
        raise TrundleError(
            f"Release '{release}' has been bad since {mark.at}: {mark.reason}. "
            "Take another release, or set retry_bad to try this one again.",
            bad={release: {"reason": mark.reason, "at": mark.at}},
        )
    return states.clear_bad(state, release)
