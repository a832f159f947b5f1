#!/usr/bin/python
# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: static_upload
short_description: Publish the static files of a release to a store
version_added: 0.1.0
description:
  - Uploads those static files of a release that the store lacks, asks the store to prove that it has them, and
    then creates the release record. From then on the release is published.
  - Takes the folder that M(trundle.django.collectstatic) wrote.
  - What is missing is found from one listing of the store. A file whose name carries its hash is never written
    again as long as it has the right size; any other file is compared by its MD5, or where the store does not tell it
    by the release records, which have the checksum of what was published last.
  - Headers are those of the record. A file whose headers are others than another release wanted is written again over
    the same key, so that it is never missing.
  - Where the store is busy or the line fails, each request is sent again with growing pauses; where the store asks to
    slow down all the same, the rest follows with fewer files at a time.
  - When an upload fails, or the store turns out not to have a file, the task fails and the record is not written.
    The next run goes on with what is missing.
  - A release id means one content for ever. Publishing the same content again succeeds and changes nothing;
    other content under the same id is refused before anything is uploaded. The files of another revision are other
    content, also where they are equal.
  - Nothing is deleted. Where M(trundle.django.static_retire) deletes old files at the same time, the store is looked at
    again before the record is made, and what the release needs of them is uploaded anew.
attributes:
  check_mode:
    support: full
    description: Lists what would be uploaded, with the number of bytes.
  diff_mode:
    support: full
    description: Shows the objects that are created or replaced, with their sizes.
  idempotent:
    support: partial
    description: With O(force=true) all files are uploaded each time.
options:
  src:
    description:
      - The folder that holds C(release.json), C(staticfiles.json) and the files in C(static/).
    type: path
    required: true
  release:
    description:
      - The release id that is expected in C(release.json). The task fails where it is another one.
    type: str
  concurrency:
    description:
      - How many files are uploaded at the same time.
    type: int
    default: 64
  force:
    description:
      - Upload all files, whether the store has them or not. A record that exists is still not replaced.
    type: bool
    default: false
  used_by:
    description:
      - The name of the site whose hosts are about to use the release, such as its domain. The store is told, so that
        M(trundle.django.static_retire) keeps the release, also when it is run for another site of the same store.
    type: str
  metadata:
    description:
      - Metadata of your own that each file is to carry in the store, such as C(team=web). Names have lower-case
        letters and digits only. Files that the store has already keep what they have.
    type: dict
    default: {}
notes:
  - While it takes longer than three seconds, a line every three seconds tells how far it is, with connections V(local)
    and V(ssh). There is none with C(no_log) or C(async).
extends_documentation_fragment:
  - trundle.django.store
seealso:
  - module: trundle.django.collectstatic
  - module: trundle.django.static_verify
author:
  - trundle.django contributors (@trundle-django)
"""

EXAMPLES = r"""
- name: Publish a release to Amazon S3, with the credentials of a profile
  trundle.django.static_upload:
    src: /var/lib/trundle/shop/v1.2.3
    store: s3://shop-assets/static
    region: eu-central-1
    profile: deploy

- name: Publish a release to Azure, as the identity that the Azure CLI or the host has
  trundle.django.static_upload:
    src: /var/lib/trundle/shop/v1.2.3
    store: az://assets/static
    account: shopassets

- name: Publish a release to a folder that the web servers have mounted too
  trundle.django.static_upload:
    src: /var/lib/trundle/shop/v1.2.3
    store: file:///mnt/efs/static

- name: Publish a release to a server that speaks S3
  trundle.django.static_upload:
    src: /var/lib/trundle/shop/v1.2.3
    release: v1.2.3
    store: s3://assets/static
    endpoint_url: https://s3.example.com:9000
    access_key: "{{ vault_s3_access_key }}"
    secret_key: "{{ vault_s3_secret_key }}"
"""

RETURN = r"""
release:
  description: The release id.
  returned: success
  type: str
  sample: v1.2.3
uploaded:
  description: The files that were uploaded, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [css/app.55e7cbb9ba48.css]
headers_changed:
  description: Those of the uploaded files that the store had, with other headers than the record wants.
  returned: success
  type: list
  elements: str
  sample: []
unchanged:
  description: How many files the store had already.
  returned: success
  type: int
  sample: 812
unrecorded:
  description:
    - Of how many of these files no record of a release tells, as after a run that was cut off. What headers they have
      is not known; M(trundle.django.static_verify) asks for them.
  returned: success
  type: int
  sample: 0
bytes:
  description: The size of the uploaded files together.
  returned: success
  type: int
  sample: 90412
record:
  description: Where the release record is.
  returned: success
  type: str
  sample: s3://shop-assets/static/.releases/v1.2.3.json
noted:
  description: Whether the store was told that O(used_by) uses the release, or in check mode would be.
  returned: success
  type: bool
  sample: true
record_created:
  description: Whether this task created the record, or in check mode would.
  returned: success
  type: bool
  sample: true
failed_uploads:
  description: What could not be uploaded. The release was not published.
  returned: when uploads failed
  type: list
  elements: dict
  contains:
    key:
      description: The name of the file.
      type: str
    cause:
      description: Why it failed.
      type: str
problems:
  description: What is wrong with the local files, or what the store lacks after the upload, a sentence each.
  returned: when there are any
  type: list
  elements: str
differences:
  description: The first differences between the published release of this id and the local one.
  returned: when the id is published already with other content
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import NOTE, note_key
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, progress_file
from ansible_collections.trundle.django.plugins.module_utils.store import (
    STORE_RULES,
    Store,
    StoreOptions,
    open_store,
    store_argument_spec,
)
from ansible_collections.trundle.django.plugins.module_utils.transfer import (
    Package,
    Plan,
    load_package,
    make_plan,
    manifest_key,
    publish,
    record_key,
    texts,
)


def diff_of(store: Store, package: Package, plan: Plan) -> dict[str, str]:
    """The objects that are created or replaced, as lines of name and size."""
    after = {key: package.record.files[key].size for key in plan.uploads}
    if plan.manifest:
        after[manifest_key(package.record)] = len(package.manifest)
    if plan.record:
        after[record_key(package.record.release)] = len(package.record_bytes)
    if plan.note and plan.used_by:
        after[note_key(plan.used_by, package.record.release)] = len(NOTE)
    return {
        "before_header": store.location.url,
        "after_header": store.location.url,
        "before": "".join(
            f"{key} ({size} bytes)" + (f": {plan.headers[key]}\n" if key in plan.headers else "\n")
            for key, size in sorted(plan.replaced.items())
        ),
        "after": "".join(f"{key} ({size} bytes)\n" for key, size in sorted(after.items())),
    }


def run(params: dict[str, Any], progress: Progress, *, check_mode: bool) -> dict[str, Any]:
    package = load_package(params["src"], release=params["release"], metadata=texts(params["metadata"]))
    store = open_store(params["store"], StoreOptions.from_params(params))
    progress.tell("list")
    plan = make_plan(store, package, force=params["force"], used_by=params["used_by"])
    record_created = plan.record
    if not check_mode:
        record_created = publish(store, package, plan, concurrency=params["concurrency"], progress=progress)
    return {
        "changed": bool(plan.uploads) or plan.manifest or plan.note or record_created,
        "release": package.record.release,
        "uploaded": list(plan.uploads),
        "headers_changed": sorted(plan.headers),
        "unchanged": plan.unchanged,
        "unrecorded": plan.unrecorded,
        "bytes": plan.bytes,
        "record": store.url(record_key(package.record.release)),
        "record_created": record_created,
        "noted": plan.note,
        "diff": diff_of(store, package, plan),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **store_argument_spec(),
            "src": {"type": "path", "required": True},
            "release": {"type": "str"},
            "concurrency": {"type": "int", "default": 64},
            "force": {"type": "bool", "default": False},
            "used_by": {"type": "str"},
            "metadata": {"type": "dict", "default": {}},
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
