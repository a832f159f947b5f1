# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell whether a host can run releases
version_added: 0.1.0
description:
  - Tells in one task what a deploy has to know of a host before it changes anything.
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
  python:
    description: The interpreter that virtual environments are made with, as a path or a name.
    type: str
    default: python3
  user:
    description: A user to look for.
    type: str
  programs:
    description: Programs to look for, also in the folders of system programs.
    type: list
    elements: str
    default: []
  services:
    description: Services to ask systemd for, without the ending.
    type: list
    elements: str
    default: []
  unit_files:
    description: Patterns of unit files to look for in C(/etc/systemd/system).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at the host
  trundle.django.host_info:
    user: shop
    programs: [nginx]
    services: [nginx]
    unit_files: [shop-*.service, shop-*.timer]
  register: shop_host
"""

RETURN = r"""
service_manager:
  description: V(systemd) where the host was booted with it, otherwise the name of the first process.
  type: str
  returned: success
  sample: systemd
python_version:
  description: The version of the interpreter that modules run on.
  type: str
  returned: success
  sample: 3.11.2
venv:
  description: Whether O(python) can make virtual environments with pip in them.
  type: bool
  returned: success
  sample: true
user:
  description: The user that was looked for, with the name of the main group, home and shell; null where there is none.
  type: dict
  returned: success
  sample: {group: shop, home: /srv/shop, shell: /usr/sbin/nologin}
programs:
  description: The path of each program that was looked for; null where there is none.
  type: dict
  returned: success
  sample: {nginx: /usr/sbin/nginx}
services:
  description: Of each service that was asked for, whether it runs and comes back at boot.
  type: dict
  returned: success
  sample: {nginx: true}
unit_files:
  description: The names of the unit files that were found.
  type: list
  elements: str
  returned: success
  sample: [shop-beat.service]
"""

import grp
import os
import platform
import pwd
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# A user's search path often lacks them.
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_UNITS = Path("/etc/systemd/system")


def service_manager() -> str:
    """As sd_booted(3) has it, unless the first process here is another one, as in a container on such a host."""
    booted = Path("/run/systemd/system").is_dir()
    try:
        first = Path("/proc/1/comm").read_text(encoding="utf-8").strip()
    except OSError:
        first = "systemd" if booted else "unknown"
    return "systemd" if booted and first == "init" else first


def user_of(name: str | None) -> dict[str, str] | None:
    if name is None:
        return None
    try:
        found = pwd.getpwnam(name)
        return {"group": grp.getgrgid(found.pw_gid).gr_name, "home": found.pw_dir, "shell": found.pw_shell}
    except KeyError:
        return None


def is_kept_up(module: AnsibleModule, service: str) -> bool:
    """Nothing is up where there is no systemd."""
    if shutil.which("systemctl") is None:
        return False
    states = (["systemctl", verb, "--quiet", "--", f"{service}.service"] for verb in ("is-active", "is-enabled"))
    return all(module.run_command(state)[0] == 0 for state in states)


def run(module: AnsibleModule) -> dict[str, Any]:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM))
    python = shutil.which(module.params["python"], path=path)
    return {
        "changed": False,
        "service_manager": service_manager(),
        "python_version": platform.python_version(),
        "venv": python is not None and module.run_command([python, "-c", "import ensurepip, venv"])[0] == 0,
        "user": user_of(module.params["user"]),
        "programs": {name: shutil.which(name, path=path) for name in module.params["programs"]},
        "services": {name: is_kept_up(module, name) for name in module.params["services"]},
        "unit_files": sorted(path.name for pattern in module.params["unit_files"] for path in _UNITS.glob(pattern)),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "python": {"type": "str", "default": "python3"},
            "user": {"type": "str"},
            "programs": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "list", "elements": "str", "default": []},
            "unit_files": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
