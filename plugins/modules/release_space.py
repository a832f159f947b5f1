# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_space
short_description: Refuse a host whose disk is too full for a release
version_added: 0.1.0
description:
  - Compares what a release will take, in bytes and in inodes, with what is free on the file system of O(root).
  - It counts the code, the archive that it comes in, and the virtual environment with what the installer keeps of it.
    An environment that the host has already, from a release with the same requirements, is not counted.
  - A release that is on the host, and complete, needs no room any more.
  - Nothing is changed, so that it can be asked of all hosts before the first of them is.
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
    description: The app's folder on the host, for example C(/srv/shop). It need not be there yet.
    type: path
    required: true
  release:
    description: The release id.
    type: str
    required: true
  size:
    description: What M(trundle.django.release_size) returned on the build host.
    type: dict
    required: true
  python:
    description: The interpreter that the environment will be made with, as a path or a name.
    type: str
    default: python3
  margin:
    description: How much has to stay free, for example V(200M).
    type: str
    default: 200M
  margin_files:
    description: How many inodes have to stay free.
    type: int
    default: 2000
  host:
    description: What the host is called in the message. The default is its own name.
    type: str
notes:
  - A file system that makes inodes as it goes, such as btrfs, has no number of them that could run out.
seealso:
  - module: trundle.django.release_size
"""

EXAMPLES = r"""
- name: Refuse a host that is too full
  trundle.django.release_space:
    root: /srv/shop
    release: v2
    size: "{{ hostvars['build1'].size.size }}"
"""

RETURN = r"""
path:
  description: The folder that was asked, O(root) or what is there of the way to it.
  type: str
  returned: success
  sample: /srv/shop
needed:
  description: The bytes and inodes that the release needs, margins included.
  type: dict
  returned: success
  sample: {bytes: 367001600, files: 9620}
free:
  description: The bytes and inodes that are free; inodes are null where the file system does not count them.
  type: dict
  returned: success
  sample: {bytes: 9663676416, files: 655360}
virtualenv:
  description: Whether an environment has to be made.
  type: bool
  returned: success
  sample: true
complete:
  description: Whether the release is on the host, whole.
  type: bool
  returned: success
  sample: false
bad:
  description: Whether the release is marked as bad on the host.
  type: bool
  returned: success
  sample: false
"""

import platform
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.formatters import human_to_bytes

from ansible_collections.trundle.django.plugins.module_utils import disk, lifecycle, virtualenv
from ansible_collections.trundle.django.plugins.module_utils.disk import Size
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import Requirements


def for_environment(size: dict[str, Any]) -> Size:
    """The installer, and what it keeps of its downloads, take about half as much again."""
    measured = Size(**size["virtualenv"])
    return Size(measured.bytes * 3 // 2, measured.files * 3 // 2)


def margin_of(params: dict[str, Any]) -> Size:
    try:
        return Size(human_to_bytes(params["margin"]), params["margin_files"])
    except ValueError:
        raise TrundleError(f"margin is {params['margin']!r}: give a size such as 200M.") from None


def run(params: dict[str, Any]) -> dict[str, Any]:
    tree, size, release = Tree(params["root"]), params["size"], params["release"]
    tree.folder(release)
    margin = margin_of(params)
    there = lifecycle.read(tree)
    complete = release in there.whole
    said = Requirements(**size["requirements"])
    environment = virtualenv.place(tree.root, release, python=params["python"], said=said)
    made = not virtualenv.is_ready(environment)
    extra = for_environment(size) if made else Size()
    needed = Size() if complete else Size(**size["archive"]) + Size(**size["code"]) + extra + margin
    room = disk.room_for(tree.root)
    short = disk.shortages(room, needed)
    if short:
        raise TrundleError(
            f"{params['host'] or platform.node()} has no room for release '{release}' in {tree.root}: "
            f"{'; '.join(short)}. Make room on the file system of {room.path}, keep fewer releases, or lower the "
            f"margin of {disk.mebibytes(margin.bytes)} and {margin.files} inodes that this leaves free."
        )
    return {
        "path": str(room.path),
        "needed": vars(needed),
        "free": {"bytes": room.bytes, "files": room.files},
        "virtualenv": made,
        "complete": complete,
        "bad": release in there.state.bad,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "size": {"type": "dict", "required": True},
            "python": {"type": "str", "default": "python3"},
            "margin": {"type": "str", "default": "200M"},
            "margin_files": {"type": "int", "default": 2000},
            "host": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module.params)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
