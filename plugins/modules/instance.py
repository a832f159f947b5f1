# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance
short_description: Start or stop the instance of a release
version_added: 0.1.0
description:
  - Starts or stops the systemd socket and service of a release, which are the instance of the app's template units
    C(<app>@.socket) and C(<app>@.service), and says whether they come back at the next boot.
  - The same as M(ansible.builtin.systemd_service) with C(state) and C(enabled), without the reload of systemd that an
    enabled or disabled unit otherwise costs.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether the instance would be started or stopped.
    support: full
  diff_mode:
    description: Shows whether it is active and enabled, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  app:
    description: The name of the app, as in C(<app>@.socket).
    type: str
    required: true
  release:
    description: The release id.
    type: str
    required: true
  state:
    description:
      - V(started) has the socket listen, now and at boot. Its service is started with it; whether the release is
        healthy is not waited for, see M(trundle.django.health_check).
      - V(stopped) ends the service and the socket, now and at boot. That the instance had failed is forgotten.
      - V(alone) ends every other instance of the app in that way, as a run that was cut off leaves them behind.
        The instance itself stays as it is.
    type: str
    choices: [started, stopped, alone]
    default: started
  wait:
    description: Where an instance is ended, whether to wait until its service has ended its last requests.
    type: bool
    default: true
seealso:
  - module: ansible.builtin.systemd_service
  - module: trundle.django.health_check
"""

EXAMPLES = r"""
- name: Start the new release beside the old one
  trundle.django.instance:
    app: shop
    release: v2

- name: Stop the old one, which has no traffic any more
  trundle.django.instance:
    app: shop
    release: v1
    state: stopped
    wait: false

- name: Stop whatever else of the app runs
  trundle.django.instance:
    app: shop
    release: v2
    state: alone
"""

RETURN = r"""
socket:
  description: The socket unit.
  type: str
  returned: success
  sample: shop@v2.socket
service:
  description: The service unit.
  type: str
  returned: success
  sample: shop@v2.service
stopped:
  description: The other instances that were ended.
  type: list
  elements: str
  returned: success and O(state=alone)
  sample: [shop@v1.service]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import instance
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    units = instance.units_of(params["app"], params["release"])
    if params["state"] == "alone":
        return end_others(module, units)
    found = instance.status_of(module.run_command, units)
    started = params["state"] == "started"
    changed = not (found.active and found.enabled) if started else found.running or found.enabled or found.failed
    if changed and not module.check_mode:
        if started:
            instance.start(module.run_command, units, found)
        else:
            instance.stop(module.run_command, units, found, wait=params["wait"])
    before = {"active": found.active if started else found.running, "enabled": found.enabled}
    return {
        "changed": changed,
        "socket": units.socket,
        "service": units.service,
        "diff": {"before": before, "after": {"active": started, "enabled": started}},
    }


def end_others(module: AnsibleModule, units: instance.Units) -> dict[str, Any]:
    others = instance.others(module.run_command, module.params["app"], units)
    for other in others if not module.check_mode else ():
        found = instance.status_of(module.run_command, other)
        instance.stop(module.run_command, other, found, wait=module.params["wait"])
    names = [other.service for other in others]
    return {
        "changed": bool(others),
        "socket": units.socket,
        "service": units.service,
        "stopped": names,
        "diff": {"before": {"others": names}, "after": {"others": []}},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped", "alone"], "default": "started"},
            "wait": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
