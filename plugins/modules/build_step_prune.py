#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: build_step_prune
short_description: Remove what build steps have made that are no longer there
version_added: 0.1.0
description:
  - Removes the outputs of M(trundle.django.build_step) in a folder that no step makes any more, so that a checkout
    which is used again does not go on to ship them.
  - Run it before the code of the next release is checked out, as a file that a step has made may since be part of the
    code.
requirements:
  - Python 3.11 or newer on the build host.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description:
      - Will return details on what has changed, or possibly needs changing in C(check_mode), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
options:
  path:
    description:
      - The folder below which steps have run. What lies outside of it is left alone. It need not be there.
    type: path
    required: true
  steps:
    description:
      - The steps that there are now, each with its C(outputs) and the C(chdir) that these are relative to, which is
        relative to O(path) itself. What else is in a step does not count.
      - What one of them makes stays.
    type: list
    elements: dict
    required: true
seealso:
  - module: trundle.django.build_step
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Remove what the steps of earlier releases have made
  trundle.django.build_step_prune:
    path: /srv/build/shop
    steps:
      - chdir: frontend
        outputs: [dist]
"""

RETURN = r"""
removed:
  description: The files and folders that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/srv/build/shop/static/bundle]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.build_step_prune import (
    find_stale,
    outputs_of,
    remove_stale,
)
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "steps": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"]).absolute()
    try:
        stale = find_stale(path, outputs_of(path, module.params["steps"]))
        if not module.check_mode:
            remove_stale(stale)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    removed = [str(output) for step in stale for output in step.outputs]
    result = {"changed": bool(stale), "removed": removed}
    if module._diff:
        result["diff"] = {"before": "".join(f"{name}\n" for name in removed), "after": ""}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
