# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Tell which releases of an app are on a host
version_added: 0.1.0
description:
  - Reads the release folders and the state file of an app. Nothing is changed.
  - A host without the folder is a host without releases, not an error.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Nothing is changed in any mode.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: N/A
  idempotent:
    description: Nothing is changed in any run.
    support: full
options:
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
seealso:
  - module: trundle.django.release
  - module: trundle.django.static_retire
"""

EXAMPLES = r"""
- name: Read what is on the host
  trundle.django.release_info:
    root: /srv/shop
  register: shop

- name: Show where a rollback would lead
  ansible.builtin.debug:
    msg: "{{ shop.active }} -> {{ shop.rollback_target }}"
"""

RETURN = r"""
active:
  description: The active release, or null.
  type: str
  returned: success
  sample: v2
previous:
  description: The last release before the active one that is complete and not bad, or null.
  type: str
  returned: success
  sample: v1
rollback_target:
  description: The release that a rollback leads to, or null where there is none. The same as RV(previous).
  type: str
  returned: success
  sample: v1
current:
  description: The release that the link C(current) names, or null. It differs from RV(active) after a run was cut off.
  type: str
  returned: success
  sample: v2
releases:
  description: The releases on the host, the active one first, then in the order of their activation.
  type: list
  elements: dict
  returned: success
  contains:
    release:
      description: The id.
      type: str
      sample: v2
    instance:
      description: The id as systemd writes it in the name of a unit's instance.
      type: str
      sample: v2
    path:
      description: The folder.
      type: str
      sample: /srv/shop/releases/v2
    complete:
      description: Whether the folder is completely staged.
      type: bool
      sample: true
    bad:
      description: Whether the release is marked as bad.
      type: bool
      sample: false
    activated:
      description: When the release was last made the active one, or null.
      type: str
      sample: "2026-11-21T09:00:00Z"
bad:
  description: The releases that are marked as bad, with reason and time; their folders may be gone.
  type: dict
  returned: success
  sample: {v3: {reason: it serves 503, at: "2026-11-21T09:00:00Z"}}
needed:
  description:
    - The releases whose static files have to stay in the store, those that a process runs from and those that the host
      could go on or back to. To see the processes of other users the module has to run as root.
  type: list
  elements: str
  returned: success
  sample: [v1, v2]
draining:
  description: Whether the host is marked as draining.
  type: bool
  returned: success
  sample: false
roll:
  description:
    - The roll that has begun and not ended, or null. Out of a run that was cut off RV(active) may be the release of
      either side of it.
  type: dict
  returned: success
  contains:
    release:
      description: The release that it leads to.
      type: str
      sample: v3
    before:
      description: The releases that were active before it, the newest first. Its failure leads back to the first.
      type: list
      elements: str
      sample: [v2, v1]
    at:
      description: When it began.
      type: str
      sample: "2026-11-21T09:00:00Z"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import lifecycle
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree


def run(root: str) -> dict[str, Any]:
    tree = Tree(root)
    host = lifecycle.read(tree)
    return {
        **lifecycle.report(host),
        "changed": False,
        "rollback_target": host.previous,
        "current": host.linked,
        "releases": lifecycle.details(host, tree),
        "needed": lifecycle.needed(host, tree.running()),
        "draining": host.state.draining,
        "roll": states.as_dict(host.state)["roll"],
    }


def main() -> None:
    module = AnsibleModule(argument_spec={"root": {"type": "path", "required": True}}, supports_check_mode=True)
    try:
        result = run(module.params["root"])
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
