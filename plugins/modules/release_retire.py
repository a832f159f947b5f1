# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_retire
short_description: Remove old releases of an app from a host
version_added: 0.1.0
description:
  - Removes the folders of releases beyond the newest O(keep) good ones, in the order of their activation.
  - The active release, the one that a rollback leads to, those in O(protect) and those that a process runs from
    are always kept. To see the processes of other users the module has to run as root.
  - Bad and incomplete releases are removed and not counted, so they never push a good one out. Their marks stay.
  - Where no release is active, no good one is removed.
  - Virtual environments that no release leads to any more are removed too, as is what a run that was cut off left.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells what would be removed without removing it.
    support: full
  diff_mode:
    description: Shows the releases before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
  keep:
    description: How many good releases to keep, the active one included. At least 1.
    type: int
    default: 5
  protect:
    description: Ids of releases to keep in any case, for example one that is being deployed.
    type: list
    elements: str
    default: []
seealso:
  - module: trundle.django.release
"""

EXAMPLES = r"""
- name: Keep the last three good releases
  trundle.django.release_retire:
    root: /srv/shop
    keep: 3
"""

RETURN = r"""
removed:
  description: The releases that were removed.
  type: list
  elements: str
  returned: success
  sample: [v1]
kept:
  description: The releases that are still on the host, the active one first, then in the order of their activation.
  type: list
  elements: str
  returned: success
  sample: [v3, v2]
active:
  description: The active release, or null.
  type: str
  returned: success
  sample: v3
previous:
  description: The release that a rollback leads to, or null.
  type: str
  returned: success
  sample: v2
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import lifecycle
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.record import check_release_id
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    tree = Tree(params["root"])
    if params["keep"] < 1:
        raise TrundleError("At least one release is kept: set keep to 1 or more.")
    protect = [check_release_id(release) for release in params["protect"]]
    with tree.lock():
        host = lifecycle.read(tree)
        plan = lifecycle.plan_retire(
            host, keep=params["keep"], protect=protect, running=tree.running(), leftovers=bool(tree.leftovers())
        )
        if not check_mode:
            lifecycle.apply(tree, host, plan)
    after = lifecycle.after(host, plan)
    return {
        "changed": plan.changes(host),
        "removed": list(plan.remove),
        "kept": lifecycle.ordered(after),
        "active": after.state.active,
        "previous": after.previous,
        "diff": {"before": lifecycle.as_diff(host), "after": lifecycle.as_diff(after)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 5},
            "protect": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
