#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: static_retire
short_description: Remove old releases from a store, and the files that no other release needs
version_added: 0.1.0
description:
  - Removes the records of releases that are neither among the newest O(keep), nor younger than O(keep_days), nor in
    use. From then on such a release is not published any more.
  - Deletes files that no record refers to and that have waited for O(grace_days) since they were first seen so. Each
    run writes down what it sees, in C(.releases/retire/), so it takes one run to find them and a later one to delete
    them.
  - A record goes before what it refers to, so a run that is cut off leaves files too many, and never a release
    without one of its files.
  - A release may be published at the same moment, by anybody. What is to be deleted is written down first, and after
    O(settle) seconds all records are read again. M(trundle.django.static_upload) looks for that before it makes a
    record, and uploads again what was deleted.
  - A record that cannot be read stops it before anything is changed, as does a release in use that is not published.
  - Locks, and whatever else is kept in C(.releases/), are left alone, as is all outside the store's prefix.
attributes:
  check_mode:
    support: full
    description: Lists what would be deleted, with the number of bytes, and changes nothing.
  diff_mode:
    support: full
    description: Shows the objects that are deleted, with their sizes.
  idempotent:
    support: full
    description: A second run changes nothing, until the grace period of a file is over.
options:
  in_use:
    description:
      - The releases that your hosts run, or could go back to, as M(trundle.django.release_info) tells them. They are
        always kept. The list may be empty where no host uses the store.
    type: list
    elements: str
    required: true
  used_by:
    description:
      - The name of the site that O(in_use) is about, such as its domain, where several share the store, or one in
        several environments. The store is told that this site uses these releases and no others, so that who retires
        for another site keeps them. What the store was told of other sites is kept here.
      - The same name as for M(trundle.django.static_upload). Hold the site's M(trundle.django.deploy_lock) meanwhile.
    type: str
  forget:
    description:
      - Names of sites that are gone, whose releases are no longer kept for them.
    type: list
    elements: str
    default: []
  keep:
    description:
      - How many releases to keep in any case, those that were published last. At least 1.
    type: int
    default: 10
  keep_days:
    description:
      - For how many days after its publication a release is kept in any case, by the store's clock.
    type: float
    default: 30
  grace_days:
    description:
      - For how many days a file stays that nothing refers to any more, so that pages which are still open, or in
        some cache, find it.
    type: float
    default: 7
  unknown:
    description:
      - Which files to delete that no record has ever been seen to refer to, when they have waited as long.
      - V(hashed) are those whose names carry a hash as Django adds it, which uploads have left that were cut off.
        V(all) is right where nobody else puts files below the store's prefix. With V(none) they all stay.
    type: str
    choices: [hashed, all, none]
    default: hashed
  allow_unpublished:
    description:
      - Go on where a release is in use whose record the store does not have, as after a change to another store.
        Which files that release needs is not known.
    type: bool
    default: false
  settle:
    description:
      - For how many seconds publishes of other hosts are given to end that have already looked for deletions. At
        least 2. Nothing is waited for where there is nothing to delete.
    type: int
    default: 30
notes:
  - While it takes longer than three seconds, a line every three seconds tells how far it is, with connections V(local)
    and V(ssh). There is none with C(no_log) or C(async).
  - In a bucket with versions, what is deleted stays as an earlier version until a rule of the bucket removes it.
extends_documentation_fragment:
  - trundle.django.store
seealso:
  - module: trundle.django.static_release_info
  - module: trundle.django.static_upload
  - module: trundle.django.release_retire
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Remove what neither the hosts nor the last ten releases need
  trundle.django.static_retire:
    store: s3://shop-assets/static
    region: eu-central-1
    used_by: shop.example.com
    in_use: [v41, v42]

- name: Show what would go, of releases older than a week
  trundle.django.static_retire:
    store: s3://shop-assets/static
    used_by: shop.example.com
    in_use: [v41, v42]
    keep: 3
    keep_days: 7
  check_mode: true
  diff: true

- name: Keep nothing any longer for an environment that is gone
  trundle.django.static_retire:
    store: s3://shop-assets/static
    used_by: shop.example.com
    in_use: [v41, v42]
    forget: [staging.example.com]
"""

RETURN = r"""
retired:
  description: The releases that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [v30, v31]
kept:
  description: The releases that are kept, the one that was published last comes first.
  returned: success
  type: list
  elements: dict
  contains:
    release:
      description: The release id.
      type: str
      sample: v42
    why:
      description: Why it is kept.
      type: list
      elements: str
      sample: [in use, one of the newest 10]
deleted:
  description: The files and manifests that were deleted, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [css/app.55e7cbb9ba48.css]
bytes:
  description: The size of these and of the records of the retired releases together.
  returned: success
  type: int
  sample: 90412
waiting:
  description: How many files, with how many bytes, nothing refers to and are kept until the grace period is over.
  returned: success
  type: dict
  sample: {"files": 12, "bytes": 40210}
foreign:
  description: How many files, with how many bytes, nothing refers to and are left alone, see O(unknown).
  returned: success
  type: dict
  sample: {"files": 0, "bytes": 0}
problems:
  description: The records that cannot be read, a sentence each. Nothing was changed.
  returned: when there are any
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import check_site
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, progress_file
from ansible_collections.trundle.django.plugins.module_utils.published import record_key
from ansible_collections.trundle.django.plugins.module_utils.record import check_release_id
from ansible_collections.trundle.django.plugins.module_utils.retire import Plan, Policy, Sizes, make_plan, retire
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    Store,
    StoreOptions,
    open_store,
    store_argument_spec,
)


def policy_of(params: dict[str, Any]) -> Policy:
    if params["keep"] < 1:
        raise TrundleError("At least one release is kept: set keep to 1 or more.")
    for name in ("keep_days", "grace_days"):
        if params[name] < 0:
            raise TrundleError(f"{name} is a number of days, not {params[name]:g}.")
    return Policy(
        keep=params["keep"],
        keep_days=params["keep_days"],
        grace_days=params["grace_days"],
        in_use=frozenset(map(check_release_id, params["in_use"])),
        used_by=check_site(params["used_by"]) if params["used_by"] is not None else None,
        forget=frozenset(map(check_site, params["forget"])),
        unknown=params["unknown"],
        allow_unpublished=params["allow_unpublished"],
    )


def amount(names: Mapping[str, int]) -> dict[str, int]:
    return {"files": len(names), "bytes": sum(names.values())}


def diff_of(store: Store, plan: Plan) -> dict[str, str]:
    gone = {record_key(release): plan.record_sizes[release] for release in plan.retired} | dict(plan.deleted)
    lines = [f"{name} ({size} bytes)\n" for name, size in sorted(gone.items())]
    header = store.location.url
    return {"before_header": header, "after_header": header, "before": "".join(lines), "after": ""}


def run(params: dict[str, Any], progress: Progress, *, check_mode: bool) -> dict[str, Any]:
    policy = policy_of(params)
    store = open_store(params["store"], StoreOptions.from_params(params))
    progress.tell("list")
    plan = make_plan(store, policy)
    changed = plan.changes
    if not check_mode:
        plan = retire(store, policy, plan, progress, sizes=Sizes(settle=params["settle"]))
    return {
        "changed": changed,
        "retired": list(plan.retired),
        "kept": [{"release": release, "why": why} for release, why in plan.kept.items()],
        "deleted": sorted(plan.deleted),
        "bytes": plan.bytes,
        "waiting": amount(plan.waiting),
        "foreign": vars(plan.foreign),
        "diff": diff_of(store, plan),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **store_argument_spec(),
            "in_use": {"type": "list", "elements": "str", "required": True},
            "used_by": {"type": "str"},
            "forget": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int", "default": 10},
            "keep_days": {"type": "float", "default": 30},
            "grace_days": {"type": "float", "default": 7},
            "unknown": {"type": "str", "choices": ["hashed", "all", "none"], "default": "hashed"},
            "allow_unpublished": {"type": "bool", "default": False},
            "settle": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
        **STORE_RULES,
    )
    try:
        with progress_file() as progress:
            result = run(module.params, progress, check_mode=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
