# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: aws_target
short_description: Drain a target of Elastic Load Balancing, or put it back
version_added: 0.1.0
description:
  - Takes an instance or an address out of a target group, or registers it again, and waits until the load balancer has
    noticed.
  - Runs where the credentials are, not on the target. boto3 finds them in the environment, the profile, or the role.
  - A target that a run left in the middle of its deregistration is registered again.
requirements:
  - boto3
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells whether the target would change, and does not wait.
    support: full
  diff_mode:
    description: Shows whether it is registered, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  target_group:
    description: The ARN of the target group.
    type: str
    required: true
  target:
    description: The id of the target, an instance id or an address.
    type: str
    required: true
  port:
    description: The port of the target, where it is not that of the group.
    type: int
  state:
    description:
      - V(drained) deregisters the target, and waits until its requests in flight have ended.
      - V(serving) registers it, and waits until the load balancer finds it healthy.
    type: str
    choices: [drained, serving]
    required: true
  wait:
    description:
      - Seconds to wait. When they are over, the module goes on with O(state=drained), since no new requests come any
        more, and fails with O(state=serving).
      - With V(0) it does neither wait nor fail.
    type: float
    default: 60
  region:
    description: The region of the target group. Without it, as boto3 finds it.
    type: str
    aliases: [aws_region]
  profile:
    description: The profile to sign in with.
    type: str
    aliases: [aws_profile]
  endpoint_url:
    description: The address of a server that speaks the same API, instead of Amazon's.
    type: str
    aliases: [aws_endpoint_url]
seealso:
  - module: trundle.django.drain_mark
"""

EXAMPLES = r"""
- name: Take the host out of the target group
  trundle.django.aws_target:
    target_group: arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2d6bc24d8a067
    target: i-0123456789abcdef0
    state: drained
  delegate_to: localhost

- name: Put it back
  trundle.django.aws_target:
    target_group: arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/shop/73e2d6bc24d8a067
    target: i-0123456789abcdef0
    state: serving
  delegate_to: localhost
"""

RETURN = r"""
health:
  description: The state of the target, as the group tells it.
  type: str
  returned: success
  sample: healthy
reason:
  description: Why it is in that state, or empty.
  type: str
  returned: success
  sample: ""
waited:
  description: Seconds that were waited.
  type: float
  returned: success
  sample: 12.1
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import aws_target
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    client = aws_target.connect(**{name: params[name] for name in ("region", "profile", "endpoint_url")})
    target = aws_target.Target(client, params["target_group"], params["target"], params["port"])
    serving = params["state"] == "serving"
    before = found = target.health()
    changed = before.registered != serving
    waited = 0.0
    if not check_mode:
        if changed and serving:
            target.register()
        elif changed:
            target.deregister()
        found, waited = target.wait_until(
            lambda health: health.serves if serving else health.reason == "Target.NotRegistered",
            timeout=params["wait"],
        )
    if params["wait"] and serving and not check_mode and not found.serves:
        raise TrundleError(
            f"The load balancer sends no requests to {target.id} {params['wait']:g} s after it was put back: "
            f"it is {found.state} ({found.reason})."
        )
    return {
        "changed": changed,
        "health": found.state,
        "reason": found.reason,
        "waited": round(waited, 3),
        "diff": {"before": {"registered": before.registered}, "after": {"registered": serving}},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "target_group": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "port": {"type": "int"},
            "state": {"type": "str", "choices": ["drained", "serving"], "required": True},
            "wait": {"type": "float", "default": 60},
            "region": {"type": "str", "aliases": ["aws_region"]},
            "profile": {"type": "str", "aliases": ["aws_profile"]},
            "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"]},
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
