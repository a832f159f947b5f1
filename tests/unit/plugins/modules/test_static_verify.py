# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.transfer import load_package, make_plan, publish
from ansible_collections.trundle.django.plugins.modules import static_verify

FILES = {"a.css": ("a.0123456789ab.css", b"a{}"), "b.txt": ("b.txt", b"b")}


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture
def src(store: Store, make_release: Any) -> Path:
    folder: Path = make_release("v1", FILES)
    package = load_package(str(folder))
    publish(store, package, make_plan(store, package), concurrency=4)
    return folder


def call(capsys: pytest.CaptureFixture[str], params: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {name: value for name, value in {**params, **more}.items() if value is not None}
    with patch_module_args(given), pytest.raises(SystemExit):
        static_verify.main()
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("given", ["release", "folder", "file", "both"])
def test_a_published_release_is_whole(s3: Any, src: Path, capsys: Any, given: str) -> None:
    options = {
        "release": {"release": "v1"},
        "folder": {"src": str(src)},
        "file": {"src": str(src / "release.json")},
        "both": {"src": str(src), "release": "v1"},
    }[given]
    told = call(capsys, s3.params, **options)
    assert not told["changed"]
    assert (told["release"], told["checked"], told["headers_checked"], told["problems"]) == ("v1", 2, 2, [])


@pytest.mark.usefixtures("src")
def test_problems_fail_the_task_and_are_listed(s3: Any, store: Store, capsys: Any) -> None:
    store.put("b.txt", b"longer", {"Content-Type": "text/plain"})
    told = call(capsys, s3.params, release="v1", _ansible_check_mode=True)
    assert told["failed"]
    assert told["problems"] == [{"key": "b.txt", "problem": "6 bytes where the record says 1"}]
    assert (told["checked"], told["headers_checked"]) == (2, 1)
    assert "Release 'v1' is not whole in s3://assets/" in told["msg"]
    assert "b.txt: 6 bytes where the record says 1. Publish it again." in told["msg"]


@pytest.mark.usefixtures("src")
def test_an_unpublished_release_is_told(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params, release="v7")
    assert told["failed"]
    assert told["msg"] == f"Release 'v7' is not published: there is no {s3.url}/.releases/v7.json."


def test_an_id_with_a_slash_is_refused(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params, release="../v1")
    assert told["failed"]
    assert "release id '../v1' is not valid" in told["msg"]


def test_release_or_src_is_needed(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params)
    assert told["failed"]
    assert "any of the following are missing: src, release" in told["msg"]


@pytest.mark.parametrize("objects", [0, 3])
def test_access_is_proved_with_one_request_and_no_release(s3: Any, store: Store, capsys: Any, objects: int) -> None:
    for number in range(objects):
        store.put(f"{number}.txt", b"x", {"Content-Type": "text/plain"})
    s3.control()
    told = call(capsys, s3.params, access_only=True)
    assert not told.get("failed")
    assert not told["changed"]
    assert "checked" not in told
    assert len(s3.log()) == 1


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"store": "s3://nowhere/static"}, "there is no bucket 'nowhere'"),
        ({"store": "ftp://assets/static"}, "must start with s3://"),
        ({"secret_key": "wrong"}, "the secret key does not belong to the access key"),
    ],
)
def test_a_store_that_cannot_be_read_is_refused_with_its_cause(
    s3: Any, capsys: Any, changes: dict[str, str], cause: str
) -> None:
    told = call(capsys, {**s3.params, **changes}, access_only=True)
    assert told["failed"]
    assert cause in told["msg"]


def test_repair_changes_and_passes(s3: Any, store: Store, src: Path, capsys: Any) -> None:
    store.put("b.txt", b"b", {"Content-Type": "text/html"})
    store.delete(["a.0123456789ab.css"])
    told = call(capsys, s3.params, src=str(src), repair=True, _ansible_check_mode=True)
    assert (told["changed"], told["repaired"]) == (True, ["a.0123456789ab.css", "b.txt"])
    told = call(capsys, s3.params, src=str(src), repair=True)
    assert (told["changed"], told["repaired"], told["problems"]) == (True, ["a.0123456789ab.css", "b.txt"], [])
    told = call(capsys, s3.params, src=str(src), repair=True)
    assert (told["changed"], told["repaired"]) == (False, [])


def test_without_repair_nothing_is_written(s3: Any, store: Store, src: Path, capsys: Any) -> None:
    store.put("b.txt", b"b", {"Content-Type": "text/html"})
    s3.control()
    assert call(capsys, s3.params, src=str(src))["failed"]
    assert s3.requests("PUT") == []


@pytest.mark.usefixtures("src")
def test_f1_what_is_not_served_fails_the_task(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params, release="v1", url="http://127.0.0.1:1/static/", url_files="all")
    assert told["failed"]
    assert "Release 'v1' is whole in s3://assets/" in told["msg"]
    assert "but visitors do not get it: a.0123456789ab.css: http://127.0.0.1:1/static/a.0123456789ab.css" in told["msg"]
    assert told["url_checked"] == 2


@pytest.mark.usefixtures("src")
def test_a_url_without_host_is_refused(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params, release="v1", url="/static/")
    assert told["failed"]
    assert "The url '/static/' is not valid" in told["msg"]
