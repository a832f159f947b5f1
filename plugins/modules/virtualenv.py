# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virtualenv
short_description: Give a release its virtual environment
version_added: 0.1.0
description:
  - Makes C(.venv) in the folder of a release, with all that its requirements file names installed.
  - Releases whose requirements are the same, to the byte, share one environment, C(virtualenvs/<key>) in O(root), and
    C(.venv) is a link to it. Such a release takes no time to install. The same means the same interpreter,
    requirements file, files that it includes and packages that it brings with it. What the named packages need in
    turn is taken as it was when the environment was made; pin that too, with C(uv pip compile) or C(pip freeze).
  - A release whose requirements leave a version open, or name a folder or an address, has an environment of its own,
    since the same text may then lead to other packages. RV(reason) tells which line it was.
  - An environment whose making was cut off is made anew. M(trundle.django.release_retire) removes environments
    that no release leads to.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether an environment would be made or linked. The release's code has to be there.
    support: full
  diff_mode:
    description: Shows where C(.venv) leads before and after.
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
    description: The release id. Its code has to be in C(releases/) of O(root).
    type: str
    required: true
  requirements:
    description: The requirements file, relative to the folder of the release.
    type: str
    default: requirements.txt
  python:
    description: The interpreter that the environment is made with, as a path or a name. It needs C(venv).
    type: str
    default: python3
  installer:
    description:
      - What installs the packages. V(pip) is installed below O(root) where it is not there; V(uv) has to be on the
        host already, and is several times as fast.
      - Where the requirements have hashes, both refuse a package without one, and one whose content is another.
    type: str
    choices: [pip, uv]
    default: pip
  uv:
    description: The program with O(installer=uv), as a path or a name.
    type: str
    default: uv
  look_for:
    description: Python packages, by the name they are imported by, of which RV(missing) tells whether they are there.
    type: list
    elements: str
    default: []
  nice:
    description: How much the installation gives way to what the host serves meanwhile, from 0 to 19.
    type: int
    default: 19
notes:
  - pip lies in C(.pip) of O(root), with its cache; the cache of uv is C(.uv) there. Their settings (an index, a proxy)
    come from their own files and from the environment of the task.
seealso:
  - module: trundle.django.release
  - module: trundle.django.release_retire
"""

EXAMPLES = r"""
- name: Install what the release needs
  trundle.django.virtualenv:
    root: /srv/shop
    release: v2
    requirements: requirements/production.txt
"""

RETURN = r"""
path:
  description: The environment, which C(.venv) of the release is or leads to.
  type: str
  returned: success
  sample: /srv/shop/virtualenvs/0f3a9c1be27d5840a6c1
shared:
  description: Whether other releases with the same requirements use it too.
  type: bool
  returned: success
  sample: true
reason:
  description: Why the environment is not shared; null where it is.
  type: str
  returned: success
  sample: "'Django>=5.2' names no fixed version"
made:
  description: Whether packages were installed, or would be in check mode.
  type: bool
  returned: success
  sample: false
missing:
  description: Those of O(look_for) that the environment lacks; null where it is not made yet.
  type: list
  elements: str
  returned: success
  sample: []
output:
  description: The last lines of the program that failed.
  type: list
  elements: str
  returned: failure
  sample: ["ERROR: No matching distribution found for Django==99"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import virtualenv
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import Installer


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    tree = Tree(params["root"])
    folder = tree.folder(params["release"])
    if not folder.is_dir():
        raise TrundleError(f"Release '{params['release']}' is not on this host: there is no {folder}.")
    given = virtualenv.give(
        tree.root,
        params["release"],
        requirements=folder / params["requirements"],
        installer=Installer.choose(params["installer"], python=params["python"], uv=params["uv"], nice=params["nice"]),
        look_for=params["look_for"],
        dry_run=check_mode,
    )
    return {
        "changed": given.changed,
        "path": str(given.environment.path),
        "shared": given.environment.own is None,
        "reason": given.environment.own,
        "made": given.made,
        "missing": given.missing,
        "diff": {"before": f"{given.before}\n" if given.before else "", "after": f"{given.environment.path}\n"},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "requirements": {"type": "str", "default": "requirements.txt"},
            "python": {"type": "str", "default": "python3"},
            "installer": {"type": "str", "choices": ["pip", "uv"], "default": "pip"},
            "uv": {"type": "str", "default": "uv"},
            "look_for": {"type": "list", "elements": "str", "default": []},
            "nice": {"type": "int", "default": 19},
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
