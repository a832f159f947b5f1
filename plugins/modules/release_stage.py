# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_stage
short_description: Put a whole release on a host, or nothing of it
version_added: 0.1.0
description:
  - Does in one step what M(trundle.django.release), M(trundle.django.virtualenv) and M(trundle.django.static_manifest)
    do one by one. It unpacks the code into the release's folder, gives it its virtual environment, and puts manifest
    and record beside the code. The record comes last and marks the release as complete. No traffic is touched.
  - Where a step fails, on a full disk for example, what was staged is removed again.
  - A release that is there and complete is left as it is. One of the same id with another content is refused.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells what would change without changing it.
    support: full
    details:
      - The archive is not sent in check mode, so of a release that is not on the host nothing is told of packages.
  diff_mode:
    description: Shows the releases of the host before and after.
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
  src:
    description:
      - An archive of the code on the controller, with the code at its top, as C(git archive) writes it.
      - It is sent to the host and removed there afterwards.
    type: path
    required: true
  remote_src:
    description: Whether O(src) is on the host already. It stays there.
    type: bool
    default: false
  manifest:
    description: The text of C(staticfiles.json), as the file lookup gives it with C(rstrip=false).
    type: raw
    required: true
  record:
    description: The text of C(release.json).
    type: raw
    required: true
  requirements:
    description: The requirements file, relative to the code.
    type: str
    default: requirements.txt
  python:
    description: The interpreter of the environment, as a path or a name.
    type: str
    default: python3
  installer:
    description: What installs. With V(pip) the host needs the module C(venv) alone; V(uv) has to be there.
    type: str
    choices: [pip, uv]
    default: pip
  uv:
    description: The program uv, as a path or a name.
    type: str
    default: uv
  nice:
    description: How much the installation gives way to the site, from 0 to 19.
    type: int
    default: 19
  look_for:
    description: Packages to look for in the environment, by the name that they are imported by, each with the line that
      brings it.
    type: dict
    default: {}
  strict:
    description: Whether to refuse a release that lacks one of O(look_for).
    type: bool
    default: false
  retry_bad:
    description: Take a release that is marked as bad all the same, and clear the mark.
    type: bool
    default: false
  host:
    description: What the host is called in messages. The default is its own name.
    type: str
seealso:
  - module: trundle.django.release
  - module: trundle.django.release_space
  - module: trundle.django.static_manifest
  - module: trundle.django.virtualenv
"""

EXAMPLES = r"""
- name: Stage what the build has handed over
  trundle.django.release_stage:
    root: /srv/shop
    release: v2
    src: build/v2/code.tar.gz
    manifest: "{{ lookup('ansible.builtin.file', 'build/v2/staticfiles.json', rstrip=false) }}"
    record: "{{ lookup('ansible.builtin.file', 'build/v2/release.json') }}"
    look_for:
      trundle: django-trundle>=0.1
"""

RETURN = r"""
path:
  description: The folder of the release.
  type: str
  returned: success
  sample: /srv/shop/releases/v2
virtualenv:
  description: The environment that the release leads to; null in check mode where the code is not on the host.
  type: str
  returned: success
  sample: /srv/shop/virtualenvs/5f2c8d7b1d2f9a0c5e4d
made:
  description: Whether packages were installed, or would be; null in check mode where the code is not on the host.
  type: bool
  returned: success
  sample: false
missing:
  description: The lines of those of O(look_for) that the environment lacks.
  type: list
  elements: str
  returned: success
  sample: []
output:
  description: The last lines of the installer where it failed.
  type: list
  elements: str
  returned: failure
  sample: ["ERROR: No matching distribution found for Django==99"]
"""

import platform
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import lifecycle, staging
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.release_files import Pair, pair_of_texts
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.staging import Release, Staged
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import Installer


def release_of(params: dict[str, Any], pair: Pair) -> Release:
    return Release(
        name=params["release"],
        archive=Path(params["src"]),
        pair=pair,
        requirements=params["requirements"],
        look_for=params["look_for"],
        strict=params["strict"],
        retry_bad=params["retry_bad"],
    )


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    tree = Tree(params["root"])
    release = release_of(params, pair_of_texts(params["manifest"], params["record"]))
    installer = Installer.choose(params["installer"], python=params["python"], uv=params["uv"], nice=params["nice"])
    if check_mode:
        staged = staging.preview(tree, release, installer)
    else:
        staged = staging.stage(tree, release, installer, host=params["host"] or platform.node())
    return {"path": str(tree.folder(release.name)), **told(release, staged)}


def told(release: Release, staged: Staged) -> dict[str, Any]:
    given = staged.given
    after = lifecycle.after(staged.host, staged.plan)
    return {
        "changed": staged.changed,
        "virtualenv": str(given.environment.path) if given else None,
        "made": given.made if given else None,
        "missing": [release.look_for[name] for name in given.missing or ()] if given else [],
        "diff": {"before": lifecycle.as_diff(staged.host), "after": lifecycle.as_diff(after)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "src": {"type": "path", "required": True},
            "remote_src": {"type": "bool", "default": False},
            # Not secret, but megabytes long: kept out of logs and of what goes back to the controller.
            "manifest": {"type": "raw", "required": True, "no_log": True},
            "record": {"type": "raw", "required": True, "no_log": True},
            "requirements": {"type": "str", "default": "requirements.txt"},
            "python": {"type": "str", "default": "python3"},
            "installer": {"type": "str", "choices": ["pip", "uv"], "default": "pip"},
            "uv": {"type": "str", "default": "uv"},
            "nice": {"type": "int", "default": 19},
            "look_for": {"type": "dict", "default": {}},
            "strict": {"type": "bool", "default": False},
            "retry_bad": {"type": "bool", "default": False},
            "host": {"type": "str"},
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
