# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a host gets of a release: code, virtualenv, manifest and record, or nothing of it (F28)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils import lifecycle, release_files, virtualenv
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.lifecycle import Host, Plan
from ansible_collections.trundle.django.plugins.module_utils.release_files import Pair
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import Given, Installer


@dataclass(frozen=True)
class Release:
    """archive: of the code. look_for: import name -> the line that brings it; strict: or the release is refused."""

    name: str
    archive: Path
    pair: Pair
    requirements: str
    look_for: Mapping[str, str]
    strict: bool = False
    retry_bad: bool = False


@dataclass(frozen=True)
class Staged:
    """host, plan: what was there, and what became of it. given is None in a dry run that has no code to look at."""

    host: Host
    plan: Plan
    given: Given | None
    whole: bool

    @property
    def changed(self) -> bool:
        return self.plan.changes(self.host) or not self.whole or bool(self.given and self.given.changed)


def stage(tree: Tree, release: Release, installer: Installer, *, host: str) -> Staged:
    """Stage the release; one that is whole is left as it is. Where a step fails, nothing half is left."""
    pair = _checked(tree, release)
    tree.create()
    try:
        with tree.lock():
            before = lifecycle.read(tree)
            plan = lifecycle.plan_present(before, tree, release.name, has_src=True, retry_bad=release.retry_bad)
            lifecycle.apply(tree, before, plan, src=release.archive)
        given = _environment(tree, release, installer, dry_run=False)
        if release.strict and given.missing:
            lines = ", ".join(f"'{release.look_for[name]}'" for name in given.missing)
            raise TrundleError(f"it runs without {', '.join(given.missing)}: add {lines} to {release.requirements}")
        whole = _is_whole(tree, release.name, pair)
        if not whole:
            release_files.install(tree.folder(release.name), pair)
    except (TrundleError, OSError) as exc:
        with suppress(TrundleError, OSError):
            discard(tree, release.name)
        cause = exc.message if isinstance(exc, TrundleError) else str(exc)
        raise TrundleError(
            f"Release {release.name} is not staged on {host}: {cause.rstrip('.')}. No traffic was touched, and nothing "
            "half is left of it; the next run stages it anew.",
            **getattr(exc, "details", {}),
        ) from exc
    return Staged(before, plan, given, whole)


def preview(tree: Tree, release: Release, installer: Installer) -> Staged:
    """What stage would do."""
    pair = _checked(tree, release)
    with tree.lock():
        before = lifecycle.read(tree)
    plan = lifecycle.plan_present(before, tree, release.name, has_src=True, retry_bad=release.retry_bad)
    there = plan.stage is None
    given = _environment(tree, release, installer, dry_run=True) if there else None
    return Staged(before, plan, given, there and _is_whole(tree, release.name, pair))


def discard(tree: Tree, release: str) -> None:
    """Half a release would be staged anew, but until then it fills the disk that the running one writes to (F28)."""
    with tree.lock():
        host = lifecycle.read(tree)
        lifecycle.apply(tree, host, lifecycle.plan_discarded(host, tree, release))


def _checked(tree: Tree, release: Release) -> Pair:
    pair, found = release_files.checked(
        release.name, manifest_bytes=release.pair.manifest, record_bytes=release.pair.record
    )
    release_files.check_replaceable(release_files.present(tree.folder(release.name)), found)
    return pair


def _is_whole(tree: Tree, release: str, pair: Pair) -> bool:
    there = release_files.present(tree.folder(release))
    return there is not None and release_files.is_same(there, pair)


def _environment(tree: Tree, release: Release, installer: Installer, *, dry_run: bool) -> Given:
    return virtualenv.give(
        tree.root,
        release.name,
        requirements=tree.folder(release.name) / release.requirements,
        installer=installer,
        look_for=list(release.look_for),
        dry_run=dry_run,
    )
