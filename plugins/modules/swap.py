# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swap
short_description: Swap the release that a host serves, or leave it as it was
version_added: 0.1.0
description:
  - Starts the instance of O(release) beside the one that serves, waits until it is healthy over its own socket, sends
    the requests of nginx to it, lets old nginx workers finish, asks once more through nginx, makes the release the
    active one, and ends all other instances of the app, without waiting for their last requests.
  - Where a step fails, the host goes back to the release that was active, which has been running all the while. The
    failure tells the cause, what was undone, and the end of the journal of the release that failed.
  - It runs on the host as a whole, so that it is carried through when the controller is gone. One that was killed is
    completed, or undone, by the next swap, whichever release that leads to. One that still runs is waited for.
  - The units are C(<app>@<release>.socket) and C(<app>@<release>.service), as the role
    P(trundle.django.gunicorn#role) writes them. Both releases need memory at the same time; where there is not enough,
    use M(trundle.django.handover).
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells what would change, and does not start the release.
    support: full
    details:
      - In check mode a release that is not staged yet is accepted.
  diff_mode:
    description: Shows the active release, the instances and the upstream before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  app:
    description: The name of the app, as in C(<app>@.socket), which is that of the upstream too.
    type: str
    required: true
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
  release:
    description: The release that is to serve. It has to be complete.
    type: str
    required: true
  upstream:
    description: The file with the upstream. The configuration of nginx has to include it.
    type: path
    required: true
  sockets:
    description: The folder of the sockets C(<release>.sock).
    type: path
    required: true
  path:
    description: The path of the health view, to be asked for over the release's own socket.
    type: str
    required: true
  front:
    description:
      - The URL of the health view through nginx. Without it, nginx is not asked after the switch.
    type: str
  host_header:
    description: The value of the header C(Host), one of the application's allowed hosts, for O(path).
    type: str
  headers:
    description: More headers to send with every question, for example C(X-Forwarded-Proto).
    type: dict
    default: {}
  require_release:
    description:
      - Whether an answer that tells no release id, by the header C(X-Release) or a field C(release) of JSON, is
        unhealthy. With V(false) it counts by its status. An answer that tells another id is unhealthy in any case.
    type: bool
    default: true
  interval:
    description: Seconds between two questions.
    type: float
    default: 0.2
  timeout:
    description: Seconds to wait for one answer.
    type: float
    default: 5
  wait:
    description: Seconds to wait for a healthy release, over its own socket, and through nginx.
    type: float
    default: 60
  consecutive:
    description: How many healthy answers in a row are needed over the socket.
    type: int
    default: 3
  unhealthy_threshold:
    description: So many unhealthy answers in a row end the waiting at once. With V(0) only O(wait) does.
    type: int
    default: 0
  connections:
    description:
      - How many connections are then opened at the same moment, all of which have to get a healthy answer with one and
        the same release id, so that no worker is left out. With V(0) this is not asked for.
    type: int
    default: 8
  drain_timeout:
    description: Seconds that old nginx workers are given to finish their requests.
    type: float
    default: 30
  allow_bad:
    description:
      - Go to a release though it is marked as bad, as when a host goes back to what it ran. The mark stays.
    type: bool
    default: false
  keep_failed:
    description: Leave an instance that failed running, without requests, to be looked at. The next swap ends it.
    type: bool
    default: false
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
  - module: trundle.django.handover
  - module: trundle.django.health_check
  - module: trundle.django.release
"""

EXAMPLES = r"""
- name: Serve v2
  trundle.django.swap:
    app: shop
    root: /srv/shop
    release: v2
    upstream: /etc/nginx/conf.d/trundle-shop-upstream.conf
    sockets: /run/shop
    path: /health/ready/
    host_header: shop.example.com
    front: http://127.0.0.1/health_check/shop.example.com
"""

RETURN = r"""
active:
  description: The release that is active.
  type: str
  returned: success
  sample: v2
before:
  description: The release that was active before, or null.
  type: str
  returned: success
  sample: v1
service:
  description: The service unit of the release.
  type: str
  returned: success
  sample: shop@v2.service
boot_seconds:
  description:
    - Seconds from the start of the release's process until its first healthy answer; null where it ran already.
  type: float
  returned: success
  sample: 1.62
drained:
  description: Whether the old nginx workers ended in time. Null where nothing was changed.
  type: bool
  returned: success
  sample: true
ended:
  description: The instances that were told to end.
  type: list
  elements: str
  returned: success
  sample: [shop@v1.service]
seconds:
  description: How long all of it took.
  type: float
  returned: success
  sample: 3.02
steps:
  description:
    - Seconds of each step that was taken, C(start), C(prove), C(switch), C(prove_front), C(activate), C(end), and
      C(undo) where one has failed.
  type: dict
  returned: always, but for wrong input
  sample: {start: 0.05, prove: 2.1, switch: 0.31, prove_front: 0.02, activate: 0.01, end: 0.06}
undone:
  description: What was undone, as sentences.
  type: list
  elements: str
  returned: failure of a step
  sample: [requests go to v1, v2 is stopped]
last:
  description: The last answer of a release that is not healthy, with C(status), C(release), C(body) and C(error).
  type: dict
  returned: failure of a proof
  sample: {status: 503, release: v2, body: "no database", error: null}
attempts:
  description: How many times it was asked.
  type: int
  returned: failure of a proof
  sample: 57
journal:
  description: The last lines of the release in the journal.
  type: list
  elements: str
  returned: failure of a proof
  sample: ["ModuleNotFoundError: No module named 'shop.missing'"]
"""

import functools
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import swap
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.health import Patience, Target, target_of_url
from ansible_collections.trundle.django.plugins.module_utils.nginx import Nginx
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree

PATIENCE = ("wait", "interval", "timeout", "consecutive", "connections")


def site_of(module: AnsibleModule) -> swap.Site:
    params = module.params
    server = Nginx(
        # A program that is missing is undone like all else.
        run=functools.partial(module.run_command, handle_exceptions=False),
        program=params["nginx"],
        config=params["config"],
        pid_file=Path(params["pid_file"]),
    )
    return swap.Site(
        app=params["app"],
        tree=Tree(params["root"]),
        upstream=Path(params["upstream"]),
        sockets=Path(params["sockets"]),
        server=server,
    )


def checks_of(params: dict[str, Any]) -> swap.Checks:
    for name in ("interval", "timeout", "wait", "consecutive"):
        if params[name] <= 0:
            raise TrundleError(f"The option {name} has to be more than 0.")
    for name in ("unhealthy_threshold", "connections", "drain_timeout"):
        if params[name] < 0:
            raise TrundleError(f"The option {name} has to be 0 or more.")
    headers = {str(name): str(value) for name, value in params["headers"].items()}
    own = headers if params["host_header"] is None else {**headers, "Host": params["host_header"]}
    return swap.Checks(
        own=Target(path=params["path"], headers=own),
        front=None if params["front"] is None else target_of_url(params["front"], headers=headers),
        patience=Patience(unhealthy=params["unhealthy_threshold"], **{name: params[name] for name in PATIENCE}),
        required=params["require_release"],
    )


def diff_of(site: swap.Site, found: swap.Found, release: str) -> list[dict[str, Any]]:
    new = site.units(release).service
    others = [other.service for other in found.others]
    before = [*others, new] if found.status.running else others
    path = str(site.upstream)
    return [
        {
            "before": {"active": found.host.state.active, "instances": sorted(before)},
            "after": {"active": release, "instances": [new]},
        },
        {
            "before_header": path,
            "after_header": path,
            "before": (found.upstream or b"").decode("utf-8", "replace"),
            "after": site.rendered(release).decode("utf-8"),
        },
    ]


def run(module: AnsibleModule) -> dict[str, Any]:
    params, begin = module.params, time.monotonic()
    release, allow_bad = params["release"], params["allow_bad"]
    site, checks = site_of(module), checks_of(params)
    if module.check_mode:
        found = swap.look(site, release, allow_bad=allow_bad, dry_run=True)
        return report(site, found, swap.Swapped(), release, begin)
    site.tree.check_whole(release)
    timeout = params["drain_timeout"]
    with swap.alone(site, wait=swap.longest(checks.patience, drain_timeout=timeout)):
        found = swap.look(site, release, allow_bad=allow_bad)
        done = swap.Swapped()
        if not found.is_done(release):
            done = swap.swap(
                site,
                checks,
                found,
                release,
                drain_timeout=timeout,
                allow_bad=allow_bad,
                keep_failed=params["keep_failed"],
            )
    return report(site, found, done, release, begin)


def report(site: swap.Site, found: swap.Found, done: swap.Swapped, release: str, begin: float) -> dict[str, Any]:
    return {
        "changed": not found.is_done(release),
        "active": release,
        "before": found.host.state.active,
        "service": site.units(release).service,
        "boot_seconds": None if done.boot_seconds is None else round(done.boot_seconds, 3),
        "drained": done.drained,
        "ended": done.ended,
        "seconds": round(time.monotonic() - begin, 3),
        "steps": done.steps,
        "diff": diff_of(site, found, release),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "upstream": {"type": "path", "required": True},
            "sockets": {"type": "path", "required": True},
            "path": {"type": "str", "required": True},
            "front": {"type": "str"},
            "host_header": {"type": "str"},
            "headers": {"type": "dict", "default": {}},
            "require_release": {"type": "bool", "default": True},
            "interval": {"type": "float", "default": 0.2},
            "timeout": {"type": "float", "default": 5},
            "wait": {"type": "float", "default": 60},
            "consecutive": {"type": "int", "default": 3},
            "unhealthy_threshold": {"type": "int", "default": 0},
            "connections": {"type": "int", "default": 8},
            "drain_timeout": {"type": "float", "default": 30},
            "allow_bad": {"type": "bool", "default": False},
            "keep_failed": {"type": "bool", "default": False},
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
