#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: build_step
short_description: Run a command of a front-end build where its inputs have changed
version_added: 0.1.0
description:
  - Runs a command that makes static files, such as C(npm run build), and skips it where its inputs, the command and
    O(environment) are those of the last run and the outputs are still what it made. What decides is content, not times.
  - Outputs are kept in a cache. When the inputs are those of an earlier run again, the outputs of that run are put in
    place, in another checkout on this machine too, and the command does not run.
  - A run that is killed at any moment, or a command that fails, leaves nothing that a later run takes for right. The
    outputs of the last good run are put back.
  - Runs on the build host, before M(trundle.django.collectstatic).
requirements:
  - Python 3.11 or newer on the build host.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - The command does not run.
  diff_mode:
    description:
      - Will return details on what has changed, or possibly needs changing in C(check_mode), when in diff mode.
    support: full
    details:
      - Shows which inputs have changed since the last run, and their digests.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: partial
    details:
      - A command that changes its own inputs runs again. The module warns of it and names them.
options:
  command:
    description:
      - The command, as a list of words, or as one text that is split as a shell would. No shell runs it.
    type: raw
    required: true
  chdir:
    description:
      - The folder that the command runs in. What O(inputs) and O(outputs) name is relative to it.
      - A folder C(.trundle) in it holds what the module remembers. Add that to C(.gitignore).
    type: path
    required: true
  inputs:
    description:
      - The files that the command reads, as glob patterns. C(**) stands for any number of folders, and a folder's name
        for all files in it. Each pattern has to match a file.
      - Without it, all files in O(chdir).
      - The outputs are never inputs, and neither are C(.git), C(node_modules) and C(__pycache__) unless a pattern names
        them.
    type: list
    elements: str
  outputs:
    description:
      - The files and folders that the command makes. They belong to it alone.
    type: list
    elements: str
    required: true
  environment:
    description:
      - Environment variables for the command, on top of those of this module but E(PYTHONPATH), E(PYTHONHOME) and
        E(VIRTUAL_ENV). Their values never appear in messages. A value of V(null) takes a variable away.
      - With other values the command runs again. Other variables do not decide; to have one decide, name it here.
    type: dict
    default: {}
  versions:
    description:
      - Commands that tell the versions of programs, such as C(node --version), each as a list of words or as one text.
        Where one prints something else than before, O(command) runs again. They run in check mode too.
    type: list
    elements: raw
    default: []
  path:
    description:
      - Folders to look for programs in before those of E(PATH), such as C(bin) of the project's virtualenv.
    type: list
    elements: path
    default: []
  clean:
    description:
      - Whether the outputs are put aside before the command runs, so that no file of an earlier build stays in them.
    type: bool
    default: true
  cache:
    description:
      - The folder in which outputs are kept. It is safe to delete at any moment.
      - Without it, C(trundle/build-steps) below E(XDG_CACHE_HOME), which is C(~/.cache) if unset. Empty for none.
      - Check mode reads it only.
    type: path
  cache_size:
    description: How large the cache may become. What was not used for the longest time goes first.
    type: str
    default: 1G
seealso:
  - module: trundle.django.collectstatic
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Build the front end with Vite
  trundle.django.build_step:
    command: sh -c 'npm ci && npm run build'
    chdir: /srv/build/shop/frontend
    inputs: [package.json, package-lock.json, vite.config.js, src]
    outputs: [dist]
    versions: [node --version]

- name: Compile a style sheet with the project's Sass
  trundle.django.build_step:
    command: [pysassc, --style=compressed, scss/app.scss, static/css/app.css]
    chdir: /srv/build/shop
    inputs: ["scss/**/*.scss"]
    outputs: [static/css/app.css]
    path: [/srv/build/shop/.venv/bin]
"""

RETURN = r"""
ran:
  description: Whether the command ran, or would in check mode.
  returned: success
  type: bool
  sample: true
restored:
  description: Whether the outputs came from the cache, or would in check mode.
  returned: success
  type: bool
  sample: false
reason:
  description: Why the outputs were made, or were not.
  returned: success
  type: str
  sample: "inputs changed: src/app.scss, src/colours.scss"
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 4.2
key:
  description: A digest of all that decides what the outputs are.
  returned: success
  type: str
  sample: 8c1f6a54d8dc1e2f6cf2f7a1a35ac51f94a7d0e5a5b1a0b3e1d1f5a4c7d2e6b9
status:
  description: The exit status of the command; negative for a signal.
  returned: when the command failed
  type: int
  sample: 1
output:
  description: The last lines that it printed.
  returned: when the command failed
  type: list
  elements: str
  sample: ["Error: Could not resolve './app.scss' from 'src/main.js'"]
"""

import shlex
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.build_step import Plan, Step, build, printable
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import OutputCache
from ansible_collections.trundle.django.plugins.module_utils.collect_options import cache_folder, cache_size
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import without_environment


def argument_spec() -> dict[str, dict[str, Any]]:
    return {
        "command": {"type": "raw", "required": True},
        "chdir": {"type": "path", "required": True},
        "inputs": {"type": "list", "elements": "str"},
        "outputs": {"type": "list", "elements": "str", "required": True},
        "environment": {"type": "dict", "default": {}, "no_log": True},
        "versions": {"type": "list", "elements": "raw", "default": []},
        "path": {"type": "list", "elements": "path", "default": []},
        "clean": {"type": "bool", "default": True},
        "cache": {"type": "path"},
        "cache_size": {"type": "str", "default": "1G"},
    }


def words(command: Any) -> list[str]:
    if isinstance(command, list):
        return [str(word) for word in command]
    try:
        return shlex.split(str(command))
    except ValueError as exc:
        raise TrundleError(f"The command of the build cannot be split into words: {exc}.") from exc


def step_of(params: dict[str, Any]) -> Step:
    folder = cache_folder(params["cache"])
    if folder is not None and params["cache"] is None:
        folder = folder.with_name("build-steps")
    return Step(
        command=words(params["command"]),
        chdir=Path(params["chdir"]).absolute(),
        outputs=params["outputs"],
        inputs=params["inputs"],
        environment={name: None if value is None else str(value) for name, value in params["environment"].items()},
        versions=[words(command) for command in params["versions"]],
        path=params["path"],
        clean=params["clean"],
        cache=None if folder is None else OutputCache(folder, cache_size(params["cache_size"])),
    )


def diff_of(plan: Plan) -> dict[str, str]:
    sides = ("".join(f"{digest} {name}\n" for name, digest in side.items()) for side in (plan.before, plan.inputs))
    before, after = (printable(side) for side in sides)
    return {"before_header": "inputs", "after_header": "inputs", "before": before, "after": after}


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    module.params, module.no_log_values = without_environment(params), set()
    try:
        built = build(step_of(params), dry_run=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    for warning in built.warnings:
        module.warn(warning)
    plan = built.plan
    result: dict[str, Any] = {
        "changed": plan.action != "skip",
        "ran": plan.action == "run",
        "restored": plan.action == "restore",
        "reason": plan.reason,
        "seconds": round(built.seconds, 3),
        "key": plan.key,
    }
    if module._diff:
        result["diff"] = diff_of(plan)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
