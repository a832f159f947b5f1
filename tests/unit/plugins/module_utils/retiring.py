# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store in which releases are retired, for the tests of what else happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.module_utils.retire import Plan, Policy, Sizes, make_plan, retire
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.store_survey import survey
from ansible_collections.trundle.django.plugins.module_utils.transfer import Package, load_package, publish
from ansible_collections.trundle.django.plugins.module_utils.transfer import make_plan as plan_upload
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.faulty import assert_whole

# Nothing waits for the end of a grace period: what is not referred to goes at once.
STRICT = Policy(keep=1, keep_days=0, grace_days=0)
FAST = Sizes(settle=2, batch=3)
# What v1 and v3 have, and v2 has not.
OLD = {f"old/f{n}.js": (f"old/f{n}.0123456789ab.js", f"old {n}".encode()) for n in range(8)}
NEW = {f"new/f{n}.js": (f"new/f{n}.0123456789ab.js", f"new {n}".encode()) for n in range(4)}


class Scene:
    """A store in which v1 has been retired in part: its files are there, and its record is not."""

    def __init__(self, s3: Any, make_release: Any) -> None:
        self.s3 = s3
        self.make_release = make_release
        self.live = self.package("v2", NEW)
        self.publish(self.package("v1", OLD))
        self.publish(self.live)
        self.store.delete([".releases/v1.json"])

    @property
    def store(self) -> Store:
        return open_store(self.s3.url, StoreOptions.from_params(self.s3.params))

    def package(self, name: str, files: Any) -> Package:
        return load_package(str(self.make_release(name, files)))

    def publish(self, package: Package) -> bool:
        return publish(self.store, package, plan_upload(self.store, package), concurrency=4)

    def retire(self, policy: Policy = STRICT, sizes: Sizes = FAST) -> Plan:
        return retire(self.store, policy, make_plan(self.store, policy), Progress(), sizes=sizes)

    def old_files(self) -> set[str]:
        return {name for name, _stored in self.store.iterate() if name.startswith("old/")}

    def check(self, *packages: Package) -> None:
        """These are there whole, and no record that is there lacks a file."""
        for package in packages:
            assert_whole(self.store, package)
        found = survey(self.store)
        assert {one.record.release: one.missing for one in found.releases if one.missing} == {}
        assert found.unreadable == ()


def refused(attempt: Callable[[], object]) -> str:
    """What the attempt was refused for, if it was."""
    try:
        attempt()
    except TrundleError as exc:
        return exc.message
    return ""
