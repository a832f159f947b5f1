# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Wait until an application is healthy and serves the expected release
version_added: 0.1.0
description:
  - Asks over HTTP until a number of answers in a row are healthy, and fails with the last cause when the time is over.
  - An answer is healthy when its status is 2xx and, with O(release), when it carries that release id.
    Redirects are not followed.
  - Each answer comes over a connection of its own. O(connections) asks all workers.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Asks once and does not fail.
    support: partial
    details:
      - In check mode the application may not have been started, so one answer is asked for and reported.
  diff_mode:
    description: Nothing is changed.
    support: N/A
  idempotent:
    description: Nothing is changed in any run.
    support: full
options:
  url:
    description: The URL to ask.
    type: str
  socket:
    description: The unix socket to ask.
    type: path
  host:
    description: The host to ask, with O(port).
    type: str
    default: 127.0.0.1
  port:
    description: The port to ask.
    type: int
  path:
    description: The path to ask for, with O(socket) or O(port).
    type: str
    default: /
  host_header:
    description: The value of the header C(Host), one of the application's allowed hosts.
    type: str
  headers:
    description: More headers to send, for example C(X-Forwarded-Proto).
    type: dict
    default: {}
  validate_certs:
    description: Whether to check the certificate of an https O(url).
    type: bool
    default: true
  release:
    description: The release id that the answers have to carry. Without it, only the status counts.
    type: str
  require_release:
    description:
      - Whether an answer that tells no release id is unhealthy. With V(false) it counts by its status, which is enough
        where each release has a socket of its own; an answer that tells another id is unhealthy in any case.
    type: bool
    default: true
  release_header:
    description: The header of an answer that tells the release id.
    type: str
    default: X-Release
  release_field:
    description: The field of a JSON answer that tells the release id, where O(release_header) is missing.
    type: str
    default: release
  interval:
    description: Seconds between two questions.
    type: float
    default: 0.5
  timeout:
    description: Seconds to wait for one answer.
    type: float
    default: 5
  wait:
    description: Seconds to wait in all.
    type: float
    default: 60
  consecutive:
    description: The healthy threshold, that is, how many healthy answers in a row are needed.
    type: int
    default: 3
    aliases: [healthy_threshold]
  unhealthy_threshold:
    description:
      - So many unhealthy answers in a row end the waiting at once. With V(0) only O(wait) does.
      - No answer at all does not count, since an application gives none while it boots.
    type: int
    default: 0
  connections:
    description:
      - When O(consecutive) is reached, open so many connections at the same moment. All of them have to get a healthy
        answer with one and the same release id, so that no worker is left out that serves something else.
      - With V(0) this is not asked for.
    type: int
    default: 0
  unit:
    description:
      - The systemd unit of the application. When it has failed, or is started over and over, the module fails
        at once and does not wait.
      - An active unit is not taken as healthy. Only answers count.
    type: str
"""

EXAMPLES = r"""
- name: Wait for the new release on its own socket
  trundle.django.health_check:
    socket: /run/shop/v2.sock
    path: /health/ready/
    host_header: shop.example.com
    release: v2
    unit: shop@v2.service

- name: Ask as the load balancer does
  trundle.django.health_check:
    url: http://127.0.0.1/health_check/shop.example.com
    consecutive: 1
    wait: 10
"""

RETURN = r"""
healthy:
  description: Whether the application is healthy. False only in check mode, where the module does not fail.
  type: bool
  returned: always
  sample: true
cause:
  description: Why it is not healthy, or null.
  type: str
  returned: always
  sample: "timed out after 60 s: connection refused"
attempts:
  description: How many times the application was asked.
  type: int
  returned: always
  sample: 5
seconds:
  description: How long it took.
  type: float
  returned: always
  sample: 2.31
first_answer:
  description: Seconds until the first healthy answer, or null.
  type: float
  returned: always
  sample: 1.29
boot_seconds:
  description:
    - Seconds from the start of the unit's process until the first healthy answer; null where the process is not known.
      That is how long the application takes to boot, where it is asked from its start on.
  type: float
  returned: when healthy and O(unit) is given, outside check mode
  sample: 1.62
last:
  description: The last answer.
  type: dict
  returned: always
  contains:
    status:
      description: The status, or null where there was no answer.
      type: int
      sample: 200
    release:
      description: The release id that the answer carries, or null.
      type: str
      sample: v2
    body:
      description: The beginning of the body.
      type: str
      sample: '{"status": "ok", "release": "v2"}'
    error:
      description: Why there was no answer, or null.
      type: str
      sample: connection refused
target:
  description: What was asked.
  type: str
  returned: always
  sample: unix:/run/shop/v2.sock/health/ready/
journal:
  description: The last lines of O(unit) in the journal.
  type: list
  elements: str
  returned: failure, with O(unit)
  sample: ["ModuleNotFoundError: No module named 'shop.missing'"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.health import (
    Outcome,
    Patience,
    Target,
    UnitWatch,
    probe,
    target_of_url,
    verdict,
    wait_until_healthy,
)


def target_of(params: dict[str, Any]) -> Target:
    headers = {str(name): str(value) for name, value in params["headers"].items()}
    if params["host_header"] is not None:
        headers["Host"] = params["host_header"]
    options: dict[str, Any] = {
        "headers": headers,
        "release_header": params["release_header"],
        "release_field": params["release_field"],
        "validate_certs": params["validate_certs"],
    }
    if params["url"] is not None:
        return target_of_url(params["url"], **options)
    if params["socket"] is not None:
        return Target(path=params["path"], socket=params["socket"], **options)
    return Target(path=params["path"], host=params["host"], port=params["port"], **options)


def patience_of(params: dict[str, Any]) -> Patience:
    for name in ("interval", "timeout", "wait", "consecutive"):
        if params[name] <= 0:
            raise TrundleError(f"The option {name} has to be more than 0.")
    for name in ("unhealthy_threshold", "connections"):
        if params[name] < 0:
            raise TrundleError(f"The option {name} has to be 0 or more.")
    return Patience(
        unhealthy=params["unhealthy_threshold"],
        **{name: params[name] for name in ("interval", "timeout", "wait", "consecutive", "connections")},
    )


def ask_once(target: Target, params: dict[str, Any]) -> Outcome:
    answer = probe(target, params["timeout"])
    cause = verdict(answer, params["release"], required=params["require_release"])
    return Outcome(attempts=1, seconds=0.0, first_answer=None, last=answer, cause=cause)


def report(target: Target, outcome: Outcome) -> dict[str, Any]:
    return {
        "changed": False,
        "healthy": outcome.cause is None,
        "cause": outcome.cause,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
        "first_answer": None if outcome.first_answer is None else round(outcome.first_answer, 3),
        "last": outcome.last.as_dict(),
        "target": str(target),
    }


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    target, patience = target_of(params), patience_of(params)
    if module.check_mode:
        return report(target, ask_once(target, params))
    watch: UnitWatch | None = None
    if params["unit"] is not None:
        watch = UnitWatch(module.run_command, params["unit"])
    outcome = wait_until_healthy(
        lambda timeout: probe(target, timeout),
        expected=params["release"],
        required=params["require_release"],
        patience=patience,
        given_up=watch or (lambda: None),
    )
    result = report(target, outcome)
    if watch is not None and outcome.first_at is not None:
        boot = watch.boot_seconds(outcome.first_at)
        result["boot_seconds"] = None if boot is None else round(boot, 3)
    if outcome.cause is not None:
        if watch is not None:
            result["journal"] = watch.journal()
        raise TrundleError(f"{target} is not healthy: {outcome.cause}", **result)
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str"},
            "socket": {"type": "path"},
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int"},
            "path": {"type": "str", "default": "/"},
            "host_header": {"type": "str"},
            "headers": {"type": "dict", "default": {}},
            "validate_certs": {"type": "bool", "default": True},
            "release": {"type": "str"},
            "require_release": {"type": "bool", "default": True},
            "release_header": {"type": "str", "default": "X-Release"},
            "release_field": {"type": "str", "default": "release"},
            "interval": {"type": "float", "default": 0.5},
            "timeout": {"type": "float", "default": 5},
            "wait": {"type": "float", "default": 60},
            "consecutive": {"type": "int", "default": 3, "aliases": ["healthy_threshold"]},
            "unhealthy_threshold": {"type": "int", "default": 0},
            "connections": {"type": "int", "default": 0},
            "unit": {"type": "str"},
        },
        required_one_of=[("url", "socket", "port")],
        mutually_exclusive=[("url", "socket", "port")],
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
