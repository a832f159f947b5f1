# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_upstream
short_description: Switch an nginx upstream and wait until the old one is no longer used
version_added: 0.1.0
description:
  - Writes a file with one C(upstream), tests the whole configuration, reloads nginx, and waits until the workers that
    still use the old upstream have finished their requests. Then the old application can be stopped.
  - When nginx refuses the configuration, or starts no new workers, the old file is put back and the module fails.
  - A switch that was cut off is made good by the next run.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether the file would change. The configuration is not tested.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
  idempotent:
    description: A second run with the same options neither writes nor reloads.
    support: full
options:
  name:
    description: The name of the upstream.
    type: str
    required: true
  servers:
    description: Its servers, each with parameters where needed, for example C(unix:/run/shop/v2.sock).
    type: list
    elements: str
    required: true
  path:
    description: The file to write. The configuration of nginx has to include it.
    type: path
    required: true
  nginx:
    description: The nginx program.
    type: str
    default: nginx
  config:
    description: The main configuration file, where it is not the one that is built into the program.
    type: path
  pid_file:
    description: The file with the process id of the nginx master process.
    type: path
    default: /run/nginx.pid
  drain_timeout:
    description:
      - Seconds to wait for the old workers. RV(drained) tells whether they ended in time.
      - Workers with long requests or open WebSocket connections stay longer, unless nginx has a
        C(worker_shutdown_timeout).
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: Send the requests to the new release
  trundle.django.nginx_upstream:
    name: shop
    servers:
      - unix:/run/shop/v2.sock
    path: /etc/nginx/conf.d/trundle-shop-upstream.conf
  register: shop_switch
"""

RETURN = r"""
reloaded:
  description: Whether nginx was reloaded. In check mode, whether it would be.
  type: bool
  returned: success
  sample: true
drained:
  description: Whether all workers with the old configuration have ended. Null in check mode.
  type: bool
  returned: success
  sample: true
remaining:
  description: The process ids of the old workers that have not ended.
  type: list
  elements: int
  returned: success
  sample: []
seconds:
  description: How long reload and waiting took.
  type: float
  returned: success
  sample: 0.31
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import read_bytes
from ansible_collections.trundle.django.plugins.module_utils.nginx import (
    Nginx,
    drain_leaving,
    is_current,
    render,
    switch,
)


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    path, data = Path(params["path"]), render(params["name"], params["servers"])
    nginx = Nginx(
        run=module.run_command,
        program=params["nginx"],
        config=params["config"],
        pid_file=Path(params["pid_file"]),
    )
    before = read_bytes(path)
    changed = not is_current(path, data)
    result: dict[str, Any] = {
        "changed": changed,
        "reloaded": changed,
        "drained": None,
        "remaining": [],
        "seconds": 0.0,
        "diff": {
            "before_header": str(path),
            "after_header": str(path),
            "before": (before or b"").decode("utf-8", "replace"),
            "after": data.decode("utf-8"),
        },
    }
    if module.check_mode:
        return result
    if changed:
        drain = switch(nginx, path, data, drain_timeout=params["drain_timeout"])
    else:
        drain = drain_leaving(nginx, drain_timeout=params["drain_timeout"])
    return {**result, "drained": drain.drained, "remaining": drain.remaining, "seconds": round(drain.seconds, 3)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "servers": {"type": "list", "elements": "str", "required": True},
            "path": {"type": "path", "required": True},
            "nginx": {"type": "str", "default": "nginx"},
            "config": {"type": "path"},
            "pid_file": {"type": "path", "default": "/run/nginx.pid"},
            "drain_timeout": {"type": "float", "default": 30},
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
