# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: static_manifest
short_description: Put the static files manifest of a release into its folder
version_added: 0.1.0
description:
  - Writes C(staticfiles.json) and C(release.json) of a release into its folder on the host.
  - Both are checked before anything is written. The record has to be that of O(release), and the manifest has to have
    the checksum that the record tells.
  - The record is written last. A folder with a C(release.json) is a completely staged release, so this is
    the last step of staging.
  - A release that is on the host with another content is refused.
author:
  - trundle.django contributors (@trundle-django)
attributes:
  check_mode:
    description: Tells what would change without changing it.
    support: full
    details:
      - In check mode the release folder may be missing.
  diff_mode:
    description: Shows the manifest before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  release:
    description: The id of the release.
    type: str
    required: true
  dest:
    description: The release's folder on the host.
    type: path
    required: true
  src:
    description: A folder on the host that holds C(staticfiles.json) and C(release.json).
    type: path
  manifest:
    description: The text of C(staticfiles.json), sent from the controller. Not shown in any output, for its length.
    type: raw
  record:
    description: The text of C(release.json), sent from the controller. Not shown in any output, for its length.
    type: raw
  url:
    description:
      - The URL of the store, below which C(.releases/<id>.json) is, and C(.releases/manifests/<sha256>.json) with the
        checksum that the record tells.
      - The host fetches both itself.
    type: str
  validate_certs:
    description: Whether to check the certificate of O(url).
    type: bool
    default: true
  timeout:
    description: Seconds to wait for an answer of O(url).
    type: int
    default: 30
  owner:
    description: The user that owns both files, when the module runs as root.
    type: str
  group:
    description: The group of both files, when the module runs as root.
    type: str
seealso:
  - module: trundle.django.collectstatic
  - module: trundle.django.release
"""

EXAMPLES = r"""
- name: Send manifest and record from the controller
  trundle.django.static_manifest:
    release: v2
    dest: /srv/shop/releases/v2
    manifest: "{{ lookup('ansible.builtin.file', 'build/v2/staticfiles.json', rstrip=false) }}"
    record: "{{ lookup('ansible.builtin.file', 'build/v2/release.json') }}"

- name: Fetch them from the store
  trundle.django.static_manifest:
    release: v2
    dest: /srv/shop/releases/v2
    url: https://static.example.com/
"""

RETURN = r"""
release:
  description: The id of the release.
  type: str
  returned: success
  sample: v2
sha256:
  description: The SHA-256 of the manifest.
  type: str
  returned: success
  sample: b5c2f3e1c7a2c1d0a2f2c8d7b1d2f9a0c5e4d3b2a1f0e9d8c7b6a5f4e3d2c1b0
files:
  description: How many files the static package has.
  type: int
  returned: success
  sample: 412
paths:
  description: How many names the manifest has.
  type: int
  returned: success
  sample: 206
static_url:
  description: The static URL that the release was built for.
  type: str
  returned: success
  sample: https://static.example.com/
"""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.trundle.django.plugins.module_utils import release_files
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.release_files import Pair


def fetch(url: str, params: dict[str, Any]) -> bytes:
    try:
        with open_url(url, timeout=params["timeout"], validate_certs=params["validate_certs"]) as response:
            data: bytes = response.read()
            return data
    except HTTPError as exc:
        exc.close()
        raise TrundleError(f"Failed to fetch {url}: {exc.code} {exc.reason}") from exc
    except Exception as exc:
        # open_url raises errors of urllib, ssl, http.client and its own.
        raise TrundleError(f"Failed to fetch {url}: {exc}") from exc


def sources(params: dict[str, Any]) -> tuple[bytes, bytes]:
    """The bytes of manifest and record."""
    if params["src"] is not None:
        return release_files.from_folder(Path(params["src"]))
    if params["url"] is not None:
        return release_files.from_url(params["url"], params["release"], lambda url: fetch(url, params))
    pair = release_files.pair_of_texts(params["manifest"], params["record"])
    return pair.manifest, pair.record


def readable(pair: Pair | None) -> str:
    """The manifest with a line a name, for the diff."""
    return "" if pair is None else json.dumps(json.loads(pair.manifest)["paths"], indent=1, sort_keys=True) + "\n"


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    dest = Path(params["dest"])
    names, data = sources(params)
    pair, found = release_files.checked(params["release"], manifest_bytes=names, record_bytes=data)
    before = release_files.present(dest)
    release_files.check_replaceable(before, found)
    changed = before is None or not release_files.is_same(before, pair)
    if changed and not check_mode:
        release_files.install(dest, pair, owner=params["owner"], group=params["group"])
    return {
        "changed": changed,
        "release": found.release,
        "sha256": found.manifest.sha256,
        "files": len(found.files),
        "paths": len(found.manifest.paths),
        "static_url": found.static_url,
        "diff": {"before": readable(before) if changed else readable(pair), "after": readable(pair)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "release": {"type": "str", "required": True},
            "dest": {"type": "path", "required": True},
            "src": {"type": "path"},
            # Not secret, but megabytes long: kept out of logs and of what goes back to the controller.
            "manifest": {"type": "raw", "no_log": True},
            "record": {"type": "raw", "no_log": True},
            "url": {"type": "str"},
            "validate_certs": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 30},
            "owner": {"type": "str"},
            "group": {"type": "str"},
        },
        required_one_of=[("src", "manifest", "url")],
        mutually_exclusive=[("src", "manifest", "url"), ("src", "record", "url")],
        required_together=[("manifest", "record")],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, check_mode=module.check_mode)
    except TrundleError as exc:
        module.fail_json(msg=exc.message, **exc.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
