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
  - With O(url) files are fetched too, through a CDN or not, and compared with the record.
  - Fails when something is missing or wrong, and names it, unless O(repair=true) has put it right.
  - With O(access_only=true) it only proves, by one request, that the store is there and lets these credentials in.
attributes:
  check_mode:
    support: full
    description: With O(repair=true) what would be repaired is listed, and counts as right.
  diff_mode:
    support: none
    description: The result lists what was repaired.
  idempotent:
    support: full
    description: Nothing is changed but what is wrong.
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
      - The files whose headers are checked. None are with a V(file://) store, which keeps no headers.
      - V(sample) takes O(sample_size) files, of every kind in turn; it is the same sample each time.
    type: str
    choices: [sample, all, none]
    default: sample
  sample_size:
    description:
      - How many files a sample has.
    type: int
    default: 50
  url:
    description:
      - The URL below which the files are served, such as C(https://cdn.example.com/static/). Files are fetched from
        there, each by one request, or three where the server is busy or the line fails, and must have the bytes and the
        Content-Type of the record.
    type: str
  url_files:
    description:
      - The files that are fetched from O(url). V(sample) is as for O(headers).
    type: str
    choices: [sample, all]
    default: sample
  validate_certs:
    description:
      - Whether the certificate of O(url) must be trusted on this host.
    type: bool
    default: true
  repair:
    description:
      - Put right what is wrong in the store. Objects are written over, so that none is missing for a moment.
      - With O(src) a folder, missing and broken files and the manifest are uploaded from there. Without it only
        headers can be put right, those of files that O(headers) has checked.
      - A release that is not published stays so.
    type: bool
    default: false
  metadata:
    description:
      - Metadata of your own that each file is to carry in the store, such as C(team=web). Names have lower-case
        letters and digits only. Given to the files that O(repair) writes; it is not compared.
    type: dict
    default: {}
  concurrency:
    description:
      - How many requests for headers, or for files from O(url), are sent at the same time.
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

- name: Prove that visitors get them, and put wrong headers right
  trundle.django.static_verify:
    release: v1.2.3
    store: s3://shop-assets/static
    region: eu-central-1
    headers: all
    repair: true
    url: https://cdn.example.com/static/
    url_files: all
    concurrency: 8

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
url_checked:
  description: How many files were fetched from O(url).
  returned: always, unless the record cannot be read or O(access_only=true)
  type: int
  sample: 0
repaired:
  description: The objects that were put right, or in check mode would be.
  returned: always, unless the record cannot be read or O(access_only=true)
  type: list
  elements: str
  sample: []
problems:
  description: What is missing or wrong, and was not repaired.
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
from ansible_collections.trundle.django.plugins.module_utils.package import Package, load_package, load_record, texts
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps, progress_file
from ansible_collections.trundle.django.plugins.module_utils.published import read_record, record_key, shortened
from ansible_collections.trundle.django.plugins.module_utils.record import RECORD_NAME, Record
from ansible_collections.trundle.django.plugins.module_utils.repair import Repaired, repair
from ansible_collections.trundle.django.plugins.module_utils.served import check_url, served_problems
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    Store,
    StoreOptions,
    open_store,
    store_argument_spec,
)
from ansible_collections.trundle.django.plugins.module_utils.verify import Problem, Report, choose, verify


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


def repaired(store: Store, record: Record, report: Report, params: dict[str, Any], *, check_mode: bool) -> Repaired:
    if not params["repair"] or not report.problems:
        return Repaired((), report.problems)
    src: Package | None = None
    if params["src"] is not None and Path(params["src"]).is_dir():
        src = load_package(params["src"])
    return repair(store, record, report, src, metadata=texts(params["metadata"]), check_mode=check_mode)


def fetched(record: Record, params: dict[str, Any], broken: set[str], progress: Progress) -> tuple[int, list[Problem]]:
    """How many files were fetched from the URL, and what was wrong with them."""
    if params["url"] is None:
        return 0, []
    keys = [key for key in choose(record, params["url_files"], params["sample_size"]) if key not in broken]
    steps = Steps(progress, "fetch", len(keys), total_size=sum(record.files[key].size for key in keys))
    found = served_problems(
        check_url(params["url"]),
        record,
        keys,
        concurrency=params["concurrency"],
        steps=steps,
        validate_certs=params["validate_certs"],
    )
    return len(keys), [Problem(key, text) for key, text in found.items()]


def run(params: dict[str, Any], progress: Progress, *, check_mode: bool) -> dict[str, Any]:
    store = open_store(params["store"], StoreOptions.from_params(params))
    if params["access_only"]:
        store.check_access()
        return {"changed": False}
    record = find_record(store, params)
    report = verify(
        store,
        record,
        headers=params["headers"] if store.keeps_headers else "none",
        sample_size=params["sample_size"],
        concurrency=params["concurrency"],
        progress=progress,
    )
    right = repaired(store, record, report, params, check_mode=check_mode)
    broken = {problem.key for problem in right.problems} | (set(right.keys) if check_mode else set())
    url_checked, not_served = fetched(record, params, broken, progress)
    problems = [*right.problems, *not_served]
    result: dict[str, Any] = {
        "changed": bool(right.keys),
        "release": record.release,
        "checked": report.checked,
        "headers_checked": report.headers_checked,
        "url_checked": url_checked,
        "repaired": list(right.keys),
        "problems": [{"key": problem.key, "problem": problem.problem} for problem in problems],
    }
    if problems:
        told = shortened([f"{problem.key}: {problem.problem}" for problem in problems])
        if right.problems:
            text = f"is not whole in {store.location.url}: {told}. Publish it again."
        else:
            text = f"is whole in {store.location.url}, but visitors do not get it: {told}."
        raise TrundleError(f"Release '{record.release}' {text}", **result)
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
            "url": {"type": "str"},
            "url_files": {"type": "str", "choices": ["sample", "all"], "default": "sample"},
            "validate_certs": {"type": "bool", "default": True},
            "repair": {"type": "bool", "default": False},
            "metadata": {"type": "dict", "default": {}},
            "concurrency": {"type": "int", "default": 32},
        },
        required_if=[("access_only", False, ("src", "release"), True)],
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
