#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: static_release_info
short_description: Tell which releases a store of static files holds
version_added: 0.1.0
description:
  - Lists the releases that are published to a store, with their date, revision and size.
  - Tells how much of the store their records refer to, and how much nothing refers to any more.
  - Lists the store once, and reads each release record.
attributes:
  check_mode:
    support: full
    description: Works the same, since nothing is ever changed.
  diff_mode:
    support: N/A
    description: Nothing is changed.
  idempotent:
    support: full
    description: Nothing is changed.
extends_documentation_fragment:
  - trundle.django.store
seealso:
  - module: trundle.django.release_info
  - module: trundle.django.static_upload
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Look at the store
  trundle.django.static_release_info:
    store: s3://shop-assets/static
    region: eu-central-1
  register: static

- name: Tell what nothing refers to
  ansible.builtin.debug:
    msg: "{{ static.unreferenced.files }} files, {{ static.unreferenced.bytes | human_readable }}"
"""

RETURN = r"""
releases:
  description: The published releases, the one that was published last comes first.
  returned: success
  type: list
  elements: dict
  contains:
    release:
      description: The release id.
      type: str
      sample: v1.2.3
    created:
      description: When its files were collected, by the build host's clock.
      type: str
      sample: "2026-11-21T09:00:00Z"
    published:
      description: When its record was written, by the store's clock.
      type: str
      sample: "2026-11-21T09:01:10Z"
    revision:
      description: The commit that it was built from, where that is known.
      type: str
      sample: 3a5b8f9c2d1e
    dirty:
      description: Whether the source had changes that are in no commit, where that is known.
      type: bool
      sample: false
    django:
      description: The version of Django that collected it.
      type: str
      sample: 5.2.8
    layout:
      description: How its files are laid out in the store.
      type: str
      sample: hashed
    files:
      description: How many files it has.
      type: int
      sample: 813
    bytes:
      description: The size of its files together.
      type: int
      sample: 8120412
    own:
      description: How many of them, with how many bytes, no other release refers to.
      type: dict
      sample: {"files": 3, "bytes": 90412}
    missing:
      description: How many of its files the store does not have.
      type: int
      sample: 0
reachable:
  description: How many files of the store, with how many bytes, a record refers to.
  returned: success
  type: dict
  sample: {"files": 950, "bytes": 9120412}
unreferenced:
  description:
    - How many files of the store, with how many bytes, no record refers to. What an unreadable record refers to is
      counted here too.
    - Records, manifests and locks are counted nowhere.
  returned: success
  type: dict
  sample: {"files": 120, "bytes": 720412}
unreadable:
  description: The records that cannot be read, such as those of a newer schema.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    record:
      description: The name of the object.
      type: str
      sample: .releases/v9.json
    cause:
      description: Why it cannot be read.
      type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    StoreOptions,
    open_store,
    store_argument_spec,
)
from ansible_collections.trundle.django.plugins.module_utils.store_survey import Found, survey


def told(found: Found) -> dict[str, Any]:
    record = found.record
    return {
        "release": record.release,
        "created": record.created,
        "published": found.published,
        "revision": record.source.revision,
        "dirty": record.source.dirty,
        "django": record.django,
        "layout": record.layout,
        "files": found.files.files,
        "bytes": found.files.bytes,
        "own": vars(found.own),
        "missing": found.missing,
    }


def run(params: dict[str, Any]) -> dict[str, Any]:
    result = survey(open_store(params["store"], StoreOptions.from_params(params)))
    return {
        "releases": [told(found) for found in result.releases],
        "reachable": vars(result.reachable),
        "unreferenced": vars(result.unreferenced),
        "unreadable": [vars(one) for one in result.unreadable],
    }


def main() -> None:
    module = AnsibleModule(argument_spec=store_argument_spec(), supports_check_mode=True, **STORE_RULES)
    try:
        result = run(module.params)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
