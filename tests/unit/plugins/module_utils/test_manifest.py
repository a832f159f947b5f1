# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import manifest
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

MANIFEST = Path(__file__).parents[3] / "golden" / "staticfiles-v1.json"


def test_golden_manifest() -> None:
    data = MANIFEST.read_bytes()
    found = manifest.parse(data)
    assert found.paths["css/app.css"] == "css/app.5b2858c9440c.css"
    assert found.paths["js/café menu.mjs"].startswith("js/café menu.")
    assert found.sha256 == hashlib.sha256(data).hexdigest()


def test_the_older_version_is_read() -> None:
    assert manifest.parse(b'{"version": "1.0", "paths": {"a": "a.1"}}').paths == {"a": "a.1"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "not a JSON object"),
        ({"paths": {}}, "version None"),
        ({"version": "2.0", "paths": {}}, "version '2.0' is not one of 1.0, 1.1"),
        ({"version": "1.1"}, "not an object of names"),
        ({"version": "1.1", "paths": {"a": 1}}, "not a relative file name"),
        ({"version": "1.1", "paths": {"a": "/etc/passwd"}}, "not a relative file name"),
        ({"version": "1.1", "paths": {"a/../../b": "b"}}, "not a relative file name"),
    ],
)
def test_bad_manifests_are_refused(document: Any, message: str) -> None:
    with pytest.raises(TrundleError, match=message):
        manifest.parse(json.dumps(document).encode())
