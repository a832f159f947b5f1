#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: static_verify
short_description: Prove that the static files of a release are in the store
version_added: 0.1.0
description:
  - Compares a release record with the store. Every file must be there with the right size, and have the right
    Content-Type, Cache-Control and Content-Encoding; the record and the manifest must be published.
  - Existence and size come from one listing, headers from one request for each file that is checked.
  - Fails when something is missing or wrong, and names it. Changes nothing.
  - With O(access_only=true) it only proves, by one request, that the store is there and lets these credentials in.
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
options:
  src:
    description:
      - The folder that holds C(release.json), or that file itself.
      - One of O(src) and O(release) is needed, except with O(access_only=true).
    type: path
  release:
    description:
      - The id of a published release, whose record is read from the store.
      - Together with O(src) it is the id that is expected in the file.
    type: str
  access_only:
    description:
      - Only ask for a listing of the store, before there is a release to compare with. Whether files can be written
        is not known from that.
    type: bool
    default: false
  headers:
    description:
      - The files whose headers are checked.
      - V(sample) takes O(sample_size) files, of every kind in turn; it is the same sample each time.
    type: str
    choices: [sample, all, none]
    default: sample
  sample_size:
    description:
      - How many files a sample has.
    type: int
    default: 50
  concurrency:
    description:
      - How many requests for headers are sent at the same time.
    type: int
    default: 32
notes:
  - While it takes longer than three seconds, a line every three seconds tells how far it is, with connections V(local)
    and V(ssh). There is none with C(no_log) or C(async).
extends_documentation_fragment:
  - trundle.django.store
seealso:
  - module: trundle.django.static_upload
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Prove that the store can be reached, before anything is built
  trundle.django.static_verify:
    store: s3://shop-assets/static
    region: eu-central-1
    access_only: true

- name: Prove that a published release is whole, with the headers of all files
  trundle.django.static_verify:
    release: v1.2.3
    store: s3://shop-assets/static
    region: eu-central-1
    headers: all

- name: Prove that the store has what was built here
  trundle.django.static_verify:
    src: /var/lib/trundle/shop/v1.2.3
    store: s3://shop-assets/static
    profile: deploy
"""

RETURN = r"""
release:
  description: The release id.
  returned: always, unless the record cannot be read or O(access_only=true)
  type: str
  sample: v1.2.3
checked:
  description: How many files were looked for.
  returned: always, unless the record cannot be read or O(access_only=true)
  type: int
  sample: 813
headers_checked:
  description: How many of them had their headers checked.
  returned: always, unless the record cannot be read or O(access_only=true)
  type: int
  sample: 50
problems:
  description: What is missing or wrong.
  returned: always, unless the record cannot be read or O(access_only=true)
  type: list
  elements: dict
  sample: []
  contains:
    key:
      description: The name of the object, below the store's URL.
      type: str
      sample: css/app.55e7cbb9ba48.css
    problem:
      description: What is wrong with it.
      type: str
      sample: missing
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, progress_file
from ansible_collections.trundle.django.plugins.module_utils.record import RECORD_NAME, Record
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    Store,
    StoreOptions,
    open_store,
    store_argument_spec,
)
from ansible_collections.trundle.django.plugins.module_utils.transfer import (
    load_record,
    read_record,
    record_key,
    shortened,
)
from ansible_collections.trundle.django.plugins.module_utils.verify import verify


def find_record(store: Store, params: dict[str, Any]) -> Record:
    """The record to compare with: the local one, else the published one."""
    if params["src"] is not None:
        path = Path(params["src"])
        return load_record(path / RECORD_NAME if path.is_dir() else path, release=params["release"])
    record = read_record(store, params["release"])
    if record is None:
        raise TrundleError(
            f"Release '{params['release']}' is not published: there is no {store.url(record_key(params['release']))}."
        )
    return record


def run(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    store = open_store(params["store"], StoreOptions.from_params(params))
    if params["access_only"]:
        store.check_access()
        return {}
    record = find_record(store, params)
    report = verify(
        store,
        record,
        headers=params["headers"],
        sample_size=params["sample_size"],
        concurrency=params["concurrency"],
        progress=progress,
    )
    result: dict[str, Any] = {
        "release": record.release,
        "checked": report.checked,
        "headers_checked": report.headers_checked,
        "problems": [{"key": problem.key, "problem": problem.problem} for problem in report.problems],
    }
    if report.problems:
        told = shortened([f"{problem.key}: {problem.problem}" for problem in report.problems])
        raise TrundleError(
            f"Release '{record.release}' is not whole in {store.location.url}: {told}. Publish it again.", **result
        )
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **store_argument_spec(),
            "src": {"type": "path"},
            "release": {"type": "str"},
            "access_only": {"type": "bool", "default": False},
            "headers": {"type": "str", "choices": ["sample", "all", "none"], "default": "sample"},
            "sample_size": {"type": "int", "default": 50},
            "concurrency": {"type": "int", "default": 32},
        },
        required_if=[("access_only", False, ("src", "release"), True)],
        supports_check_mode=True,
        **STORE_RULES,
    )
    try:
        with progress_file() as progress:
            result = run(module.params, progress)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
