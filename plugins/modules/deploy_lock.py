#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_lock
short_description: Let one deploy run at a time, by a lock in the store
version_added: 0.1.0
description:
  - Takes, renews and gives back a lock that all who deploy to the same store see. Whoever meets a lock that another
    deploy holds waits up to O(wait) seconds, and then fails, naming the holder.
  - The lock is the object C(.releases/locks/<name>.json). It is created only where there is none, and changed only by
    writes that name the version that was read, so that of any number of takers one wins. It is not removed when it is
    given back, but then nobody holds it.
  - A lock that was not given back, because its deploy was killed, is taken over when its O(ttl) is over. Its age is
    told by the store's clock, which the clock of this host is compared with. Whoever meets it is told when that will
    be, and how to give it back at once.
  - Before that it is taken over where its deploy ran on the same controller and its process is gone, and with
    O(take_over).
attributes:
  check_mode:
    support: full
    description: Nothing is taken, and nothing is waited for. A lock that is held fails the task where O(wait=0).
  diff_mode:
    support: none
    description: The result tells all.
  idempotent:
    support: partial
    description: With O(state=present) and without O(lease) the lock is taken each time.
options:
  name:
    description:
      - The name of the lock. Deploys with the same name exclude each other, those of other names in the same store
        go on side by side.
    type: str
    default: deploy
  state:
    description:
      - V(present) takes the lock, or with O(lease) holds on to it. V(absent) gives it back.
    type: str
    choices: [present, absent]
    default: present
  lease:
    description:
      - What RV(lease) was when the lock was taken.
      - With O(state=present) the lock is renewed when a tenth of its time is over, and the task fails where it is not
        held any more.
      - With O(state=absent) a lock that is held under another lease is left as it is.
    type: str
  ttl:
    description:
      - For how many seconds the lock is held, unless it is renewed or given back. Longer than what is done between two
        renewals ever takes, and so long does the lock of a deploy that was killed stay.
    type: int
    default: 1800
  wait:
    description:
      - For how many seconds a lock that another deploy holds is waited for.
    type: int
    default: 0
  holder:
    description:
      - Who holds the lock, as others are told. By default the user that the module runs as.
    type: str
  host:
    description:
      - From where, as others are told. By default the name of the host that the module runs on.
    type: str
  purpose:
    description:
      - What for, as others are told.
    type: str
    default: deploy
  run:
    description:
      - Which process on the controller holds the lock, in a form of this collection's own. The default is that of the
        playbook that runs.
    type: str
  take_over:
    description:
      - When the lock was taken that is to be taken over, as RV(lock.taken) tells it. Only right when that deploy has
        certainly ended. The lock of anybody else is left as it is.
    type: str
  unlock:
    description:
      - The command that gives the lock back whoever holds it, as those are told who meet it. By default that of this
        module, without the secrets among its options.
    type: str
  force:
    description:
      - With O(state=absent), give the lock back whoever holds it. Only right when that deploy has certainly ended.
    type: bool
    default: false
notes:
  - While it waits longer than three seconds, a line every three seconds says so, with connections V(local) and V(ssh).
    There is none with C(no_log) or C(async).
extends_documentation_fragment:
  - trundle.django.store
seealso:
  - module: trundle.django.static_upload
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Take the lock, or wait ten minutes for it
  trundle.django.deploy_lock:
    store: s3://shop-assets/static
    name: shop.example.com
    wait: 600
  register: lock

- name: Hold on to it, or stop where it was lost
  trundle.django.deploy_lock:
    store: s3://shop-assets/static
    name: shop.example.com
    lease: "{{ lock.lease }}"

- name: Give it back
  trundle.django.deploy_lock:
    store: s3://shop-assets/static
    name: shop.example.com
    lease: "{{ lock.lease }}"
    state: absent

- name: Take over the lock of a deploy that was killed
  trundle.django.deploy_lock:
    store: s3://shop-assets/static
    name: shop.example.com
    take_over: "2026-11-21T09:00:00Z"

- name: Give back the lock of a deploy that was killed
  trundle.django.deploy_lock:
    store: s3://shop-assets/static
    name: shop.example.com
    state: absent
    force: true
"""

RETURN = r"""
name:
  description: The name of the lock.
  returned: success
  type: str
  sample: shop.example.com
lease:
  description: What proves to be the holder of the lock; to be given as O(lease).
  returned: success and O(state=present)
  type: str
  sample: 3f0c9d41b7a25e88
taken_over:
  description: The holder whose lock was taken over; empty where nobody held it.
  returned: success and O(state=present)
  type: dict
  sample: {}
given_back:
  description: The holder whose lock was given back; empty where there was nothing to give back.
  returned: success and O(state=absent)
  type: dict
  sample: {}
lock:
  description: The holder whose lock is in the way.
  returned: when another deploy holds the lock
  type: dict
  contains:
    holder:
      description: Who holds it.
      type: str
      sample: alice
    host:
      description: From where.
      type: str
      sample: laptop1
    purpose:
      description: What for.
      type: str
      sample: deploy of v1.2.3
    taken:
      description: When it was taken, by the holder's clock.
      type: str
      sample: "2026-11-21T09:00:00Z"
    expires:
      description: When it can be taken over, by the store's clock.
      type: str
      sample: "2026-11-21T10:00:00Z"
    run:
      description: Which process on the controller it is, or empty where that is not known.
      type: str
      sample: 0f6e2a2e-6d1c-4b6a-9a4e-2f1f1c0c7b9d/pid:[4026531836]/4711/98765
"""

import getpass
import platform
import shlex
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.lock import Taken, give_back, new_lock, renew, take
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, progress_file
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    Store,
    StoreOptions,
    open_store,
    store_argument_spec,
)


def own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user id without a name, as in some containers.
        return "somebody"


def unlock_command(params: dict[str, Any]) -> str:
    """The command that gives back this lock of anybody, for the user to type; secrets are for the user to add."""
    spec = store_argument_spec()
    chosen = {
        name: params[name] for name in spec if params[name] is not None and params[name] != spec[name].get("default")
    }
    secret = [name for name in chosen if spec[name].get("no_log")]
    words = [f"{name}={value}" for name, value in chosen.items() if name not in secret]
    words += [f"name={params['name']}", "state=absent", "force=true"]
    command = f"ansible localhost -m trundle.django.deploy_lock -a {shlex.quote(' '.join(words))}"
    return f"{command} (and {' and '.join(secret)})" if secret else command


def hold(store: Store, params: dict[str, Any], progress: Progress, *, check_mode: bool) -> Taken:
    if params["lease"]:
        return renew(store, params["name"], params["lease"], ttl=params["ttl"], check_mode=check_mode)
    wanted = new_lock(
        holder=params["holder"] or own_name(),
        host=params["host"] or platform.node(),
        purpose=params["purpose"],
        ttl=params["ttl"],
        run=params["run"] or "",
    )
    return take(
        store,
        params["name"],
        wanted,
        wait=params["wait"],
        take_over=params["take_over"],
        check_mode=check_mode,
        unlock=params["unlock"] or unlock_command(params),
        waiting=lambda: progress.tell("lock"),
    )


def run(params: dict[str, Any], progress: Progress, *, check_mode: bool) -> dict[str, Any]:
    store = open_store(params["store"], StoreOptions.from_params(params))
    if params["state"] == "present":
        taken = hold(store, params, progress, check_mode=check_mode)
        after = taken.after.told() if taken.after else {}
        return {"changed": taken.changed, "name": params["name"], "lease": taken.lease, "taken_over": after}
    if not params["lease"] and not params["force"]:
        raise TrundleError("To give a lock back, its lease is needed; force gives back the lock of anybody.")
    lease = None if params["force"] else params["lease"]
    held = give_back(store, params["name"], lease, check_mode=check_mode)
    return {"changed": held is not None, "name": params["name"], "given_back": held.told() if held else {}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **store_argument_spec(),
            "name": {"type": "str", "default": "deploy"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "lease": {"type": "str"},
            "ttl": {"type": "int", "default": 1800},
            "wait": {"type": "int", "default": 0},
            "holder": {"type": "str"},
            "host": {"type": "str"},
            "purpose": {"type": "str", "default": "deploy"},
            "unlock": {"type": "str"},
            "run": {"type": "str"},
            "take_over": {"type": "str"},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        **STORE_RULES,
    )
    try:
        with progress_file() as progress:
            result = run(module.params, progress, check_mode=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
