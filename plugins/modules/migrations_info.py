# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migrations_info
short_description: Tell whether an earlier release runs with the migrations that were applied since
version_added: 0.1.0
description:
  - Reads which migrations are applied that the code to go back to does not have, and judges them as
    M(trundle.django.migrate) does, against the tables and columns that this code uses.
  - A migration that only adds what the earlier code need not know does not stand in the way of a rollback.
requirements:
  - An interpreter with the requirements of each release, Django 4.2 or newer.
extends_documentation_fragment:
  - trundle.django.migrations
attributes:
  check_mode:
    description: It only reads, on a connection that cannot write.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  idempotent:
    description: It only reads.
    support: full
options:
  target_project_path:
    description: The folder of the project to go back to.
    type: path
    required: true
  target_python:
    description: The interpreter of O(target_project_path). The default is found as for O(python).
    type: path
  target_environment:
    description:
      - Environment variables for the code to go back to, on top of O(environment).
      - Their values are logged as they are. Secrets belong in O(environment).
    type: dict
    default: {}
seealso:
  - module: trundle.django.migrate
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Ask whether v1 can run again
  trundle.django.migrations_info:
    project_path: /srv/shop/releases/v2
    target_project_path: /srv/shop/releases/v1
    environment_file: /etc/trundle/shop.env
    user: shop
  register: back

- name: Refuse to go back where it cannot
  ansible.builtin.assert:
    that: back.compatible
    fail_msg: "{{ back.causes | join(' ') }}"
"""

RETURN = r"""
compatible:
  description: Whether nothing stands in the way.
  returned: success
  type: bool
  sample: false
causes:
  description: What stands in the way, a sentence for each.
  returned: success
  type: list
  elements: str
  sample:
    - "shop.0003_remove_product_old (shop/migrations/0003_remove_product_old.py; Remove field old from product): it
      drops the column 'old' of 'shop_product', which the old code reads and writes."
ahead:
  description: Applied migrations that the code to go back to does not have.
  returned: success
  type: list
  elements: str
  sample: [shop.0003_remove_product_old]
strangers:
  description: Applied migrations that neither code has, newer than all that the code to go back to has.
  returned: success
  type: list
  elements: str
  sample: [shop.0004_product_size]
breaking:
  description: The operations that stand in the way, as M(trundle.django.migrate) returns them.
  returned: success
  type: list
  elements: dict
  sample: [{migration: shop.0003_remove_product_old, code: DROP_COLUMN, table: shop_product, column: old}]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import without_environment
from ansible_collections.trundle.django.plugins.module_utils.migrate import look_back
from ansible_collections.trundle.django.plugins.module_utils.migrate_options import (
    other_project,
    project_of,
    project_spec,
)


def run(params: dict[str, Any]) -> dict[str, Any]:
    project = project_of(params)
    target = other_project(project, params, "target")
    return look_back(project, target or project, Path(params["linter_path"]))


def main() -> None:
    module = AnsibleModule(argument_spec=project_spec("target", required=True), supports_check_mode=True)
    params = module.params
    module.params, module.no_log_values = without_environment(params), set()
    try:
        result = run(params)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
