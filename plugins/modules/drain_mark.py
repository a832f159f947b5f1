# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_mark
short_description: Have a host's health view tell the load balancer to send no more traffic
version_added: 0.1.0
description:
  - Sets or clears the drain mark of an app on a host, then waits until the balancer has noticed. Requests are answered
    as before; only the balancer's health view says 503.
  - The mark is kept in C(state.json) below O(root), where the health views of django-trundle look for it, and in the
    file O(path), where nginx does.
  - A health check with the header C(X-Trundle-Drain) and the value C(ignore) sees the application as it is, so that one
    can ask for a release before the host is put back.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether the mark would change, and does not wait.
    support: full
  diff_mode:
    description: Shows both marks, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
  path:
    description: The file that nginx looks for at the balancer's health location. Without it, only the state is set.
    type: path
  state:
    description:
      - V(drained) sets the mark, V(serving) clears it.
    type: str
    choices: [drained, serving]
    required: true
  wait:
    description:
      - Seconds that the balancer needs to notice, that is, its interval times its threshold.
      - With O(state=drained) they are always waited for, since an earlier run may have been cut off while it waited;
        with O(state=serving) only where the mark was set.
    type: float
    default: 0
seealso:
  - module: trundle.django.health_check
  - module: trundle.django.haproxy_server
"""

EXAMPLES = r"""
- name: Take the host out of the balancer, which asks every 5 seconds and lets 3 answers decide
  trundle.django.drain_mark:
    root: /srv/shop
    path: /etc/nginx/trundle/shop-drain
    state: drained
    wait: 16

- name: Put it back
  trundle.django.drain_mark:
    root: /srv/shop
    path: /etc/nginx/trundle/shop-drain
    state: serving
    wait: 11
"""

RETURN = r"""
drained:
  description: Whether the mark is set. In check mode, whether it would be.
  type: bool
  returned: success
  sample: true
waited:
  description: Seconds that were left to the balancer.
  type: float
  returned: success
  sample: 16.0
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import drain
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    if params["wait"] < 0:
        raise TrundleError("The option wait has to be 0 or more.")
    tree = Tree(params["root"])
    path = None if params["path"] is None else Path(params["path"])
    drained = params["state"] == "drained"
    before, after = drain.read(tree, path), drain.wanted(path, drained=drained)
    changed = before != after
    waited = 0.0
    if not check_mode:
        if changed:
            drain.apply(tree, path, drained=drained)
        waited = params["wait"] if drained or changed else 0.0
        time.sleep(waited)
    return {
        "changed": changed,
        "drained": drained,
        "waited": waited,
        "diff": {"before": asdict(before), "after": asdict(after)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "path": {"type": "path"},
            "state": {"type": "str", "choices": ["drained", "serving"], "required": True},
            "wait": {"type": "float", "default": 0},
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
