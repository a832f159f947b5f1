# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Manage the releases of an app on a host
version_added: 0.1.0
description:
  - Puts the code of a release into a folder of its own, makes a release the active one, marks it as bad, or removes it.
  - What is active, what was active before and what is bad is kept in one small file, C(state.json) below O(root).
    The order of releases comes from this file and never from the time stamps of folders.
  - A release is complete when its folder holds a C(release.json), which M(trundle.django.static_manifest) writes last.
    A folder without one, such as a run that was cut off leaves behind, is staged anew.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells what would change without changing it.
    support: full
    details:
      - In check mode O(src) may be missing on the host, and O(state=active) accepts a release that is not staged yet.
  diff_mode:
    description: Shows the state before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
  release:
    description: The id of the release.
    type: str
    required: true
  state:
    description:
      - V(present) makes the release's folder and unpacks O(src) into it, unless the release is there and complete.
      - V(active) makes a complete release the active one and points the link C(current) at it.
        No process is started or stopped.
      - V(inactive) has nothing active where the release is, and is the first one that ever was. No process is stopped.
      - V(absent) removes the folder. The active release is refused, and so are the release that a rollback leads to
        and one that a process runs from, unless O(force=true).
      - V(bad) marks the release, so that it is neither deployed again nor chosen for a rollback.
      - V(begun) notes that a roll to the release has begun, and what ran before it; V(ended) that it has ended. In
        between, no activation is final. A run that was cut off leaves the note, so that the next one knows what to
        complete or to undo.
    type: str
    choices: [present, active, inactive, absent, bad, begun, ended]
    default: present
  src:
    description:
      - An archive of the code on the host (C(.tar.gz) or another that Python can read), with the code at its top,
        as C(git archive) writes it.
      - It may hold files, folders and symbolic links. An archive with a member that leads out of the folder is refused.
      - A C(release.json) at its top is left out, since that file marks a folder as complete.
    type: path
  owner:
    description: The user that owns the unpacked files, when the module runs as root. The default is root itself.
    type: str
  group:
    description: The group of the unpacked files, when the module runs as root.
    type: str
  reason:
    description: Why the release is bad. Required with O(state=bad).
    type: str
  retry_bad:
    description: Take a release that is marked as bad all the same, and clear the mark.
    type: bool
    default: false
  force:
    description: With O(state=absent), also remove the release that a rollback leads to or that a process runs from.
    type: bool
    default: false
seealso:
  - module: trundle.django.release_info
  - module: trundle.django.release_stage
  - module: trundle.django.release_retire
"""

EXAMPLES = r"""
- name: Unpack the code of a release
  trundle.django.release:
    root: /srv/shop
    release: v2
    src: /var/cache/trundle/shop-v2.tar.gz

- name: Make it the active release
  trundle.django.release:
    root: /srv/shop
    release: v2
    state: active

- name: Never deploy this one again by accident
  trundle.django.release:
    root: /srv/shop
    release: v3
    state: bad
    reason: it serves 503
"""

RETURN = r"""
active:
  description: The active release, or null.
  type: str
  returned: success
  sample: v2
previous:
  description: The release that a rollback leads to, or null.
  type: str
  returned: success
  sample: v1
releases:
  description: The releases on the host, the active one first, then in the order of their activation.
  type: list
  elements: str
  returned: success
  sample: [v2, v1]
bad:
  description: The releases that are marked as bad, with reason and time.
  type: dict
  returned: success
  sample: {v3: {reason: it serves 503, at: "2026-11-21T09:00:00Z"}}
draining:
  description: Whether the host is marked as draining.
  type: bool
  returned: success
  sample: false
roll:
  description: The roll that has begun and not ended, or null, with C(release), C(before) and C(at).
  type: dict
  returned: success
  sample: {release: v3, before: [v2, v1], at: "2026-11-21T09:00:00Z"}
path:
  description: The folder of the release.
  type: str
  returned: success
  sample: /srv/shop/releases/v2
instance:
  description: The id as systemd writes it in the name of a unit's instance.
  type: str
  returned: success
  sample: v1.2\x2drc1
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import lifecycle
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.lifecycle import Host, Plan
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.systemd import systemd_escape

STATES = ("present", "active", "inactive", "absent", "bad", "begun", "ended")


def plan_for(params: dict[str, Any], host: Host, tree: Tree, *, dry_run: bool) -> Plan:
    release, retry_bad = params["release"], params["retry_bad"]
    if params["state"] == "present":
        return lifecycle.plan_present(host, tree, release, has_src=params["src"] is not None, retry_bad=retry_bad)
    if params["state"] == "active":
        return lifecycle.plan_active(host, tree, release, retry_bad=retry_bad, dry_run=dry_run)
    if params["state"] == "inactive":
        return lifecycle.plan_inactive(host, release)
    if params["state"] == "absent":
        return lifecycle.plan_absent(host, tree, release, force=params["force"])
    if params["state"] == "begun":
        return lifecycle.plan_begun(host, release)
    if params["state"] == "ended":
        return lifecycle.plan_ended(host)
    return lifecycle.plan_bad(host, release, reason=params["reason"])


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    tree = Tree(params["root"])
    path = tree.folder(params["release"])
    if params["state"] in ("present", "bad", "begun") and not check_mode:
        tree.create()
    with tree.lock():
        host = lifecycle.read(tree)
        plan = plan_for(params, host, tree, dry_run=check_mode)
        if not check_mode:
            src = None if params["src"] is None else Path(params["src"])
            lifecycle.apply(tree, host, plan, src=src, owner=params["owner"], group=params["group"])
    after = lifecycle.after(host, plan)
    return {
        **lifecycle.report(after),
        "changed": plan.changes(host),
        "draining": after.state.draining,
        "roll": states.as_dict(after.state)["roll"],
        "path": str(path),
        "instance": systemd_escape(params["release"]),
        "diff": {"before": lifecycle.as_diff(host), "after": lifecycle.as_diff(after)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "state": {"type": "str", "choices": list(STATES), "default": "present"},
            "src": {"type": "path"},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "reason": {"type": "str"},
            "retry_bad": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
        },
        required_if=[("state", "bad", ["reason"])],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
