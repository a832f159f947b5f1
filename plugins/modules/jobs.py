# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jobs
short_description: Run the celery workers, the celery beat and the timers of a release on a host
version_added: 0.1.0
description:
  - Writes the systemd units of a site's jobs, and starts them from the folder, the virtualenv and the environment of
    one release. Jobs of the app that are not asked for are stopped and removed, those of other releases end.
  - C(<app>-worker-<name>@<release>.service) is a celery worker. That of a new release is up before the one before is
    told to end; it takes no more tasks then, and has O(stop_timeout) seconds for those in flight.
  - C(<app>-beat.service) is celery's beat, and C(<app>-job-<name>.timer) runs a management command. There is never more
    than one of each on a host, also while releases change; which host has them is for the caller to say.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells which units would be written, started and stopped.
    support: full
  diff_mode:
    description: Shows the units, and which of them run, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  app:
    description: The name of the app. Units begin with it.
    type: str
    required: true
  root:
    description: The app's folder on the host, for example C(/srv/shop).
    type: path
    required: true
  release:
    description: The release id. Empty, where none is to run.
    type: str
    required: true
  state:
    description:
      - V(started) brings the jobs to what the other options say. V(trimmed) only takes away those that they do not
        name, as on a host that had the jobs which run once before.
    type: str
    choices: [started, trimmed]
    default: started
  user:
    description: The system user that runs the jobs.
    type: str
    required: true
  group:
    description: The group of that user. Left out, it has the name of the user.
    type: str
  project_path:
    description: Folder of C(manage.py) within the release, where it is not the top.
    type: str
    default: ""
  settings:
    description: The settings module. Left empty, the one that C(manage.py) and the celery app name.
    type: str
    default: ""
  celery_app:
    description: What celery takes as C(--app). Needed for O(workers) and O(beat).
    type: str
  workers:
    description: The celery workers of this host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Names the unit and the celery node.
        type: str
        required: true
      options:
        description: More options of C(celery worker), such as C(--concurrency 4).
        type: list
        elements: str
        default: []
  beat:
    description: Whether this host has celery's beat.
    type: bool
    default: false
  beat_options:
    description: More options of C(celery beat), such as C(--scheduler django_celery_beat.schedulers:DatabaseScheduler).
    type: list
    elements: str
    default: []
  timers:
    description: The management commands that this host runs on a calendar.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Names the units.
        type: str
        required: true
      command:
        description: What to write behind C(manage.py).
        type: str
        required: true
      calendar:
        description: When, as systemd's C(OnCalendar) takes it, such as C(daily) or C(Mon *-*-* 03:00).
        type: str
        required: true
      persistent:
        description: Whether a run that was missed while the host was off is made up for.
        type: bool
        default: true
  stop_timeout:
    description: Seconds that tasks and commands in flight are given to end.
    type: int
    default: 300
  wait:
    description: Seconds after which a worker or beat that is not up has failed.
    type: float
    default: 60
  units_path:
    description: Folder of the unit files.
    type: path
    default: /etc/systemd/system
seealso:
  - module: trundle.django.instance
"""

EXAMPLES = r"""
- name: Run the jobs of a release
  trundle.django.jobs:
    app: shop
    root: /srv/shop
    release: v2
    user: shop
    celery_app: shop
    workers:
      - name: default
        options: [--concurrency 4]
    beat: "{{ inventory_hostname == 'web1' }}"

- name: Clear old sessions each night
  trundle.django.jobs:
    app: shop
    root: /srv/shop
    release: v2
    user: shop
    timers:
      - name: sessions
        command: clearsessions
        calendar: "*-*-* 03:30"
"""

RETURN = r"""
units:
  description: The units that run.
  type: list
  elements: str
  returned: success
  sample: [shop-worker-default@v2.service, shop-beat.service, shop-job-sessions.timer]
journal:
  description: What a unit that does not start said last.
  type: list
  elements: str
  returned: when a worker or beat fails
  sample: ["ModuleNotFoundError: No module named 'catalog.tusks'"]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils import jobs
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.jobs_units import Site, Unit, units_of
from ansible_collections.trundle.django.plugins.module_utils.record import check_release_id


def wanted_of(params: dict[str, Any]) -> list[Unit]:
    site = Site(
        app=params["app"],
        root=str(Path(params["root"]).resolve()),
        release=check_release_id(params["release"]) if params["release"] else None,
        user=params["user"],
        group=params["group"] or params["user"],
        celery_app=params["celery_app"] or "",
        project_path=params["project_path"],
        settings=params["settings"],
        stop_timeout=params["stop_timeout"],
    )
    if (params["workers"] or params["beat"]) and not site.celery_app:
        raise TrundleError("There are workers or a beat, and no celery_app: name what celery takes as --app.")
    beat = params["beat_options"] if params["beat"] else None
    return units_of(site, workers=params["workers"], timers=params["timers"], beat=beat)


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    wanted, folder = wanted_of(params), Path(params["units_path"])
    host = jobs.look(module.run_command, params["app"], wanted, folder)
    planned = jobs.plan(host, wanted)
    if params["state"] == "trimmed":
        planned = jobs.trimmed(planned)
    if planned.changes and not module.check_mode:
        limits = {"wait": params["wait"], "stop_timeout": params["stop_timeout"]}
        jobs.apply(module.run_command, host, planned, folder=folder, **limits)
    return {
        "changed": planned.changes,
        "units": [unit.runs for unit in wanted if unit.runs],
        "diff": jobs.as_diff(host, planned),
    }


def main() -> None:
    name = {"type": "str", "required": True}
    words = {"type": "list", "elements": "str", "default": []}
    timer = {"name": name, "command": name, "calendar": name, "persistent": {"type": "bool", "default": True}}
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["started", "trimmed"], "default": "started"},
            "user": {"type": "str", "required": True},
            "group": {"type": "str"},
            "project_path": {"type": "str", "default": ""},
            "settings": {"type": "str", "default": ""},
            "celery_app": {"type": "str"},
            "workers": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": name, "options": words},
            },
            "beat": {"type": "bool", "default": False},
            "beat_options": words,
            "timers": {"type": "list", "elements": "dict", "default": [], "options": timer},
            "stop_timeout": {"type": "int", "default": 300},
            "wait": {"type": "float", "default": 60.0},
            "units_path": {"type": "path", "default": "/etc/systemd/system"},
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
