# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import sweep
from ansible_collections.trundle.django.plugins.modules import static_retire, static_upload

OWN = {"v1": "js/app.111111111111.js", "v2": "js/app.222222222222.js"}
STRICT = {"keep": 1, "keep_days": 0, "grace_days": 0, "settle": 0}


@pytest.fixture(autouse=True)
def nobody_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LEAST_SETTLE", 0)


@pytest.fixture
def store(s3: Any, make_release: Any, call_module: Any) -> dict[str, Any]:
    """The options of a store with two releases."""
    options = {name: value for name, value in s3.params.items() if value is not None}
    for release, key in OWN.items():
        src = make_release(release, {"js/app.js": (key, release.encode())})
        call_module(static_upload, **options, src=str(src), used_by="shop.test")
    return options


def test_check_mode_and_diff_tell_the_list_and_the_bytes(s3: Any, store: Any, call_module: Any) -> None:
    s3.control()
    told = call_module(static_retire, check=True, **store, in_use=["v2"], used_by="shop.test", **STRICT)
    assert (told["changed"], told["retired"]) == (True, ["v1"])
    assert told["deleted"][1] == OWN["v1"]
    assert told["deleted"][0].startswith(".releases/manifests/")
    sizes = dict(line.rstrip("\n").rstrip(")").split(" (") for line in told["diff"]["before"].splitlines())
    assert sizes[OWN["v1"]] == "2 bytes"
    assert sizes.keys() == {".releases/v1.json", *told["deleted"]}
    assert sum(int(size.split(" ")[0]) for size in sizes.values()) == told["bytes"]
    assert told["diff"]["after"] == ""
    assert s3.requests("PUT", "POST", "DELETE") == []


def test_the_second_run_changes_nothing(store: Any, call_module: Any) -> None:
    options = {**store, "in_use": ["v2"], "used_by": "shop.test", **STRICT}
    planned = call_module(static_retire, check=True, **options)
    done = call_module(static_retire, **options)
    assert done == planned
    again = call_module(static_retire, **options)
    assert (again["changed"], again["retired"], again["deleted"], again["bytes"]) == (False, [], [], 0)
    assert again["kept"] == [{"release": "v2", "why": ["in use", "one of the newest 1"]}]
    assert again["waiting"] == again["foreign"] == {"files": 0, "bytes": 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 0}, "At least one release is kept: set keep to 1 or more."),
        ({"grace_days": -1}, "grace_days is a number of days, not -1."),
        ({"in_use": ["../x"]}, "The release id '../x' is not valid"),
        ({"used_by": "a/b"}, "The name 'a/b' of a site is not valid"),
        ({"forget": [""]}, "The name '' of a site is not valid"),
        ({"in_use": ["v9"]}, "'v9' (by your hosts). Which files they need is not known, so nothing was retired."),
    ],
)
def test_what_is_wrong_is_told_before_anything_changes(
    s3: Any, store: Any, call_module: Any, options: Any, message: str
) -> None:
    s3.control()
    told = call_module(static_retire, **{**store, "in_use": [], **STRICT, **options})
    assert message in told["msg"]
    assert s3.requests("PUT", "POST", "DELETE") == []
