# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: source_import
short_description: Make a git revision of an archive or a folder
version_added: 0.1.0
description:
  - Commits what an archive or a folder holds to a bare git repository of its own, on the branch C(imported), so that it
    is built as a repository is.
  - The revision depends on the content alone. The same files make the same one, on every build host.
  - Runs on the build host.
author:
  - trundle.django contributors (@trundle-django)
requirements:
  - git on the build host.
attributes:
  check_mode:
    description: Says that the repository would change, without looking into O(src).
    support: partial
    details:
      - Whether O(src) is the revision that was imported last is known only when it is imported.
  diff_mode:
    description: There is nothing to show.
    support: none
  idempotent:
    description: A second run with the same content changes nothing.
    support: full
options:
  src:
    description:
      - The archive, such as a C(.tar.gz) or another that Python can read, or the folder.
      - Of a folder, C(.git) is left out, and what its C(.gitignore) files name.
      - Git repositories in it, such as submodules, are taken with their files.
      - An archive may hold files, folders and symbolic links. One with a member that leads out of it is refused.
    type: path
    required: true
  repository:
    description: The folder of the bare repository. It is made where it is not there, and can be deleted at any moment.
    type: path
    required: true
  project_path:
    description:
      - The folder of C(manage.py). Where an archive holds one folder alone, and C(manage.py) is not found without it,
        that folder is the top.
    type: str
    default: ""
seealso:
  - module: trundle.django.collectstatic
"""

EXAMPLES = r"""
- name: Take the source from an archive
  trundle.django.source_import:
    src: /var/cache/shop-1.2.3.tar.gz
    repository: /var/cache/trundle/imported.git
"""

RETURN = r"""
revision:
  description: The commit, or null in check mode.
  type: str
  returned: success
  sample: 9b0a3c41e2f1d3a2c0c5a8f3f3b7a1d2e4c5b6a7
repository:
  description: The folder of the repository, without a C(~).
  type: str
  returned: success
  sample: /var/cache/trundle/imported.git
branch:
  description: The branch that leads to the commit.
  type: str
  returned: success
  sample: imported
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.source_import import BRANCH, import_source, revision_of


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    repository = Path(params["repository"])
    before = revision_of(repository)
    revision = None
    if not check_mode:
        revision = import_source(Path(params["src"]), repository, project_path=params["project_path"])
    changed = revision is None or revision != before
    return {"changed": changed, "revision": revision, "repository": str(repository), "branch": BRANCH}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path", "required": True},
            "repository": {"type": "path", "required": True},
            "project_path": {"type": "str", "default": ""},
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
