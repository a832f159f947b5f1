# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: handover
short_description: Hand the requests of a host to another release where only one of them has room to run
version_added: 0.1.0
description:
  - Lets requests in flight end, has the socket of O(release) listen, switches the upstream of nginx to it, stops
    O(old), and starts O(release). The two never run at the same time.
  - No connection is refused meanwhile. What comes in between waits in the backlog of the new socket until the release
    has booted. A host that is drained gets none; without that, visitors wait for the boot.
  - The units are C(<app>@<release>.socket) and C(<app>@<release>.service). The service has to take the lock O(hold)
    shared before it starts, as that of the role P(trundle.django.gunicorn#role) does.
  - It runs on the host as a whole, so that it is carried through when the controller is gone. One that was cut off is
    made good by the next run.
  - Whether the release is healthy is asked afterwards, with M(trundle.django.health_check).
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether there is something to hand over.
    support: full
  diff_mode:
    description: Shows the upstream before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  app:
    description: The name of the app, as in C(<app>@.socket), which is that of the upstream too.
    type: str
    required: true
  release:
    description: The release that gets the requests.
    type: str
    required: true
  old:
    description: The release that ends. Without it, none does.
    type: str
  upstream:
    description: The file with the upstream. The configuration of nginx has to include it.
    type: path
    required: true
  socket:
    description: The unix socket of O(release).
    type: path
    required: true
  hold:
    description: The lock that keeps O(release) from starting until O(old) has ended.
    type: path
    required: true
  drain_timeout:
    description: Seconds that requests in flight are given to end.
    type: float
    default: 30
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
seealso:
  - module: trundle.django.instance
  - module: trundle.django.nginx_upstream
"""

EXAMPLES = r"""
- name: Hand over to v2
  trundle.django.handover:
    app: shop
    release: v2
    old: v1
    upstream: /etc/nginx/conf.d/trundle-shop-upstream.conf
    socket: /run/shop/v2.sock
    hold: /run/shop/.hold
"""

RETURN = r"""
service:
  description: The service unit of the release.
  type: str
  returned: success
  sample: shop@v2.service
drained:
  description: Whether the requests in flight ended in time. Null where nothing was handed over.
  type: bool
  returned: success
  sample: true
pause:
  description: Seconds from the moment that no release took new requests to the start of the new one.
  type: float
  returned: success
  sample: 0.45
seconds:
  description: How long all of it took.
  type: float
  returned: success
  sample: 0.81
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import instance
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import read_bytes
from ansible_collections.trundle.django.plugins.module_utils.handover import Upstream, hand_over, is_done
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx, render


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    new = instance.units_of(params["app"], params["release"])
    old = None if params["old"] is None else instance.units_of(params["app"], params["old"])
    if old == new:
        raise TrundleError(f"Release '{params['release']}' cannot be handed over to itself.")
    upstream = Upstream(params["app"], Path(params["upstream"]), render(params["app"], [f"unix:{params['socket']}"]))
    before = read_bytes(upstream.path)
    changed = not is_done(module.run_command, upstream, old=old, new=new)
    result: dict[str, Any] = {
        "changed": changed,
        "service": new.service,
        "drained": None,
        "pause": 0.0,
        "seconds": 0.0,
        "diff": {
            "before_header": str(upstream.path),
            "after_header": str(upstream.path),
            "before": (before or b"").decode("utf-8", "replace"),
            "after": upstream.data.decode("utf-8"),
        },
    }
    if module.check_mode or not changed:
        return result
    done = hand_over(
        module.run_command,
        Nginx(
            run=module.run_command, program=params["nginx"], config=params["config"], pid_file=Path(params["pid_file"])
        ),
        upstream,
        old=old,
        new=new,
        hold=Path(params["hold"]),
        drain_timeout=params["drain_timeout"],
    )
    return {**result, "drained": done.drained, "pause": round(done.pause, 3), "seconds": round(done.seconds, 3)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "old": {"type": "str"},
            "upstream": {"type": "path", "required": True},
            "socket": {"type": "path", "required": True},
            "hold": {"type": "path", "required": True},
            "drain_timeout": {"type": "float", "default": 30},
            "nginx": {"type": "str", "default": "nginx"},
            "config": {"type": "path"},
            "pid_file": {"type": "path", "default": "/run/nginx.pid"},
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
