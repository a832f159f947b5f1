# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_info
short_description: Tell since when the instance of a release runs
version_added: 0.1.0
description:
  - Asks systemd for the service of a release. Nothing is changed.
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
  app:
    description: The name of the app, as in C(<app>@.service).
    type: str
    required: true
  release:
    description: The release id.
    type: str
    required: true
seealso:
  - module: trundle.django.instance
  - module: trundle.django.release_info
"""

EXAMPLES = r"""
- name: Ask since when v2 runs
  trundle.django.instance_info:
    app: shop
    release: v2
"""

RETURN = r"""
service:
  description: The service unit.
  type: str
  returned: success
  sample: shop@v2.service
since:
  description: When it became active, or null where it is not.
  type: str
  returned: success
  sample: "2026-11-21T09:00:00Z"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import instance
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def run(module: AnsibleModule) -> dict[str, Any]:
    units = instance.units_of(module.params["app"], module.params["release"])
    since = instance.running_since(module.run_command, units)
    return {"service": units.service, "since": since.strftime("%Y-%m-%dT%H:%M:%SZ") if since else None}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"app": {"type": "str", "required": True}, "release": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
