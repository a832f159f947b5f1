# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_server
short_description: Drain a server of HAProxy, or put it back
version_added: 0.1.0
description:
  - Speaks to the runtime socket of HAProxy, so that it takes effect at once and is not written to its configuration.
  - A server in drain gets no new requests, but those of clients that a cookie binds to it. Its health checks go on.
  - A server that someone has put into maintenance is left there.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether the server would change, and does not wait.
    support: full
  diff_mode:
    description: Shows whether it is drained, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  socket:
    description: The runtime socket, which needs C(level admin); its path, or C(host:port).
    type: str
    default: /run/haproxy/admin.sock
  backend:
    description: The name of the backend.
    type: str
    required: true
  server:
    description: The name of the server in the backend.
    type: str
    required: true
  state:
    description:
      - V(drained) sends no new requests to the server, and waits until it has none in flight.
      - V(serving) puts a drained server back, and waits until HAProxy finds it healthy.
    type: str
    choices: [drained, serving]
    required: true
  wait:
    description:
      - Seconds to wait. When they are over, the module goes on with O(state=drained), where RV(sessions) tells what is
        left, and fails with O(state=serving).
      - With V(0) it does neither wait nor fail.
    type: float
    default: 30
seealso:
  - module: trundle.django.drain_mark
"""

EXAMPLES = r"""
- name: Take the host out of the balancer
  trundle.django.haproxy_server:
    backend: shop
    server: "{{ inventory_hostname }}"
    state: drained
  delegate_to: balancer.example.com

- name: Put it back
  trundle.django.haproxy_server:
    backend: shop
    server: "{{ inventory_hostname }}"
    state: serving
  delegate_to: balancer.example.com
"""

RETURN = r"""
status:
  description: The status of the server, as HAProxy shows it.
  type: str
  returned: success
  sample: UP
sessions:
  description: How many requests of it are in flight or queued.
  type: int
  returned: success
  sample: 0
maintenance:
  description: Whether someone has put it into maintenance.
  type: bool
  returned: success
  sample: false
waited:
  description: Seconds that were waited.
  type: float
  returned: success
  sample: 0.3
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import haproxy
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    ask = haproxy.asker(params["socket"])
    where = (params["backend"], params["server"])
    drained = params["state"] == "drained"
    before = found = haproxy.read(ask, *where)
    # Either command would end a maintenance.
    changed = before.drained != drained and not before.maintenance
    waited = 0.0
    if not check_mode:
        if changed:
            haproxy.put(ask, *where, "drain" if drained else "ready")
        found, waited = haproxy.wait_until(
            ask,
            *where,
            lambda server: not server.sessions if drained else server.serves or server.maintenance,
            timeout=params["wait"],
        )
    if params["wait"] and not (check_mode or drained or found.serves or found.maintenance):
        raise TrundleError(
            f"HAProxy sends no requests to {'/'.join(where)} {params['wait']:g} s after it was put back: "
            f"its status is {found.status}."
        )
    return {
        "changed": changed,
        "status": found.status,
        "sessions": found.sessions,
        "maintenance": found.maintenance,
        "waited": round(waited, 3),
        "diff": {"before": {"drained": before.drained}, "after": {"drained": before.drained ^ changed}},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "socket": {"type": "str", "default": "/run/haproxy/admin.sock"},
            "backend": {"type": "str", "required": True},
            "server": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "serving"], "required": True},
            "wait": {"type": "float", "default": 30},
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
