# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_size
short_description: Tell how much room a release will take on a host
version_added: 0.1.0
description:
  - Measures on the build host what M(trundle.django.release_space) asks of each web host before it is changed.
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
  archive:
    description: The archive of the code.
    type: path
    required: true
  requirements:
    description: The requirements file of the release.
    type: path
    required: true
  virtualenv:
    description: An environment with these requirements installed, such as the one that static files are collected with.
    type: path
    required: true
seealso:
  - module: trundle.django.release_space
"""

EXAMPLES = r"""
- name: Measure the release
  trundle.django.release_size:
    archive: /var/cache/trundle/code.tar.gz
    requirements: /var/cache/trundle/source/requirements.txt
    virtualenv: /var/cache/trundle/venv
  register: size
"""

RETURN = r"""
size:
  description: What M(trundle.django.release_space) takes.
  type: dict
  returned: success
  contains:
    archive:
      description: Bytes and inodes of the archive itself.
      type: dict
      sample: {bytes: 819200, files: 1}
    code:
      description: Bytes and inodes of what is in it.
      type: dict
      sample: {bytes: 3276800, files: 420}
    virtualenv:
      description: Bytes and inodes of the environment.
      type: dict
      sample: {bytes: 104857600, files: 7200}
    requirements:
      description: What decides which environment the release has, and whether hashes are checked.
      type: dict
      sample: {digest: 0f3a9c1be27d5840a6c1, open: null, hashed: true}
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.disk import Size, archive_size, blocks, tree_size
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import read_requirements


def run(params: dict[str, Any]) -> dict[str, Any]:
    archive = Path(params["archive"])
    code = archive_size(archive)
    return {
        "archive": vars(Size(blocks(archive.stat().st_size), 1)),
        "code": vars(code),
        "virtualenv": vars(tree_size(Path(params["virtualenv"]))),
        "requirements": vars(read_requirements(Path(params["requirements"]))),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "path", "required": True},
            "requirements": {"type": "path", "required": True},
            "virtualenv": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        size = run(module.params)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(changed=False, size=size)


if __name__ == "__main__":
    main()
