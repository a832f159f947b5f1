# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Write the files of a configuration together
version_added: 0.1.0
description:
  - Puts several files, folders and removals in place in one task, where one task for each would cost most of its time
    on the way to the host.
  - Each file is the old one or the new one at every moment. Where one cannot be written, or O(validate) refuses them,
    all of them are put back as they were.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells which files would change. O(validate) is not run.
    support: full
  diff_mode:
    description: Shows each file before and after; of a secret one, only that it changes.
    support: full
  idempotent:
    description: A second run with the same options changes nothing and does not run O(validate).
    support: full
options:
  files:
    description: What should be there, in the order in which it is put in place.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file or folder. Its parent has to be there, or to come before it in the list.
        type: path
        required: true
      state:
        description:
          - V(file) has the given content. V(directory) is an empty folder where there is none. V(absent) removes a file
            or a link, never a folder.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: The text of the file. V(file) needs this one or O(files[].secret_content).
        type: str
      secret_content:
        description: The text of a file that nobody may see in an output of Ansible.
        type: str
      mode:
        description: The permissions, in octal digits. The default is V(0644) for a file and V(0755) for a folder.
        type: str
      force:
        description: Whether to replace a file that is there already.
        type: bool
        default: true
  validate:
    description:
      - A command that tests the configuration as a whole once the files are in place, as words. A status other than 0
        puts the old files back.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the site
  trundle.django.config_files:
    files:
      - path: /etc/nginx/trundle
        state: directory
      - path: /etc/nginx/conf.d/shop.conf
        content: "{{ lookup('ansible.builtin.template', 'shop.conf.j2') }}"
      - path: /etc/nginx/sites-enabled/default
        state: absent
    validate: [nginx, -t]
"""

RETURN = r"""
paths:
  description: The paths that changed, or would change in check mode.
  type: list
  elements: str
  returned: success
  sample: [/etc/nginx/conf.d/shop.conf]
output:
  description: What the command of O(validate) said.
  type: list
  elements: str
  returned: when it refused the files
  sample: ["nginx: configuration file /etc/nginx/nginx.conf test failed"]
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.config_files import Entry, apply, as_diff, differs, look
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

_MODES = {"file": "0644", "directory": "0755", "absent": "0000"}


def entry_of(given: Mapping[str, Any]) -> Entry:
    mode = given["mode"] or _MODES[given["state"]]
    if not re.fullmatch(r"[0-7]{3,4}", mode):
        raise TrundleError(f"The mode of {given['path']} is '{mode}': give octal digits in quotes, such as '0644'.")
    secret = given["secret_content"] is not None
    text = given["secret_content"] if secret else given["content"]
    return Entry(
        path=Path(given["path"]),
        state=given["state"],
        mode=int(mode, 8),
        data=text.encode("utf-8") if given["state"] == "file" else None,
        keep=not given["force"],
        secret=secret,
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    entries = [entry_of(given) for given in module.params["files"]]
    pairs = [(entry, look(entry.path)) for entry in entries]
    changes = [(entry, found) for entry, found in pairs if differs(entry, found)]
    if not module.check_mode:
        apply(changes, run=module.run_command, validate=module.params["validate"])
    return {
        "changed": bool(changes),
        "paths": [str(entry.path) for entry, _found in changes],
        "diff": [as_diff(entry, found) for entry, found in changes],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
                    "content": {"type": "str"},
                    "secret_content": {"type": "str", "no_log": True},
                    "mode": {"type": "str"},
                    "force": {"type": "bool", "default": True},
                },
                "mutually_exclusive": [("content", "secret_content")],
                "required_if": [("state", "file", ("content", "secret_content"), True)],
            },
            "validate": {"type": "list", "elements": "str", "default": []},
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
