# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.trundle.django.plugins.modules import static_release_info, static_upload


def params(s3: Any) -> dict[str, Any]:
    return {name: value for name, value in s3.params.items() if value is not None}


def test_a_published_release_is_told(s3: Any, make_release: Any, call_module: Any) -> None:
    src = make_release("v1", {"a.css": ("a.0123456789ab.css", b"a{}")})
    call_module(static_upload, **params(s3), src=str(src))
    told = call_module(static_release_info, **params(s3))
    published = told["releases"][0].pop("published")
    assert published.endswith("Z")
    assert told["releases"] == [
        {
            "release": "v1",
            "created": "2026-11-21T09:00:00Z",
            "revision": "abc",
            "dirty": False,
            "django": "5.2.8",
            "layout": "hashed",
            "files": 1,
            "bytes": 3,
            "own": {"files": 1, "bytes": 3},
            "missing": 0,
        }
    ]
    assert (told["changed"], told["unreadable"]) == (False, [])
    assert (told["reachable"], told["unreferenced"]) == ({"files": 1, "bytes": 3}, {"files": 0, "bytes": 0})


def test_a_store_that_cannot_be_read_is_told(s3: Any, call_module: Any) -> None:
    told = call_module(static_release_info, **{**params(s3), "store": "s3://nowhere/static"})
    assert told["failed"]
    assert "there is no bucket 'nowhere'" in told["msg"]
