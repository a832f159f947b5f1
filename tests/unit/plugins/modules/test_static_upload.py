# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.trundle.django.plugins.module_utils.store import StoreOptions, open_store
from ansible_collections.trundle.django.plugins.modules import static_upload, static_verify

WRONG = {"secret_key": "a-secret-that-is-wrong", "session_token": "a-secret-token"}
FILES = {"a.css": ("a.0123456789ab.css", b"a{}"), "b.txt": ("b.txt", b"b")}


def call(capsys: pytest.CaptureFixture[str], params: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {name: value for name, value in {**params, **more}.items() if value is not None}
    with patch_module_args(given), pytest.raises(SystemExit):
        static_upload.main()
    return dict(json.loads(capsys.readouterr().out))


def test_publish_and_publish_again(s3: Any, make_release: Any, capsys: Any) -> None:
    src = str(make_release("v1", FILES))
    first = call(capsys, s3.params, src=src, release="v1")
    assert first["changed"]
    assert first["uploaded"] == ["a.0123456789ab.css", "b.txt"]
    assert (first["release"], first["unchanged"], first["bytes"], first["record_created"]) == ("v1", 0, 4, True)
    assert first["record"] == s3.url + "/.releases/v1.json"
    second = call(capsys, s3.params, src=src, release="v1")
    assert not second["changed"]
    assert (second["uploaded"], second["unchanged"], second["record_created"]) == ([], 2, False)
    assert second["diff"]["before"] == second["diff"]["after"] == ""


def test_check_mode_tells_all_and_changes_nothing(s3: Any, make_release: Any, capsys: Any) -> None:
    src = str(make_release("v1", FILES))
    told = call(capsys, s3.params, src=src, _ansible_check_mode=True, _ansible_diff=True)
    assert told["changed"]
    assert (told["uploaded"], told["bytes"], told["record_created"]) == (["a.0123456789ab.css", "b.txt"], 4, True)
    assert told["diff"]["before"] == ""
    after = told["diff"]["after"].splitlines()
    assert [line.split(" ")[0] for line in after] == [
        f".releases/manifests/{hashlib.sha256((Path(src) / 'staticfiles.json').read_bytes()).hexdigest()}.json",
        ".releases/v1.json",
        "a.0123456789ab.css",
        "b.txt",
    ]
    assert after[2] == "a.0123456789ab.css (3 bytes)"
    assert s3.requests("PUT", "POST", "DELETE") == []


def test_a_failure_is_one_message_without_secrets(s3: Any, make_release: Any, capsys: Any) -> None:
    src = str(make_release("v1", FILES))
    told = call(capsys, s3.params, src=src, **WRONG)
    assert told["failed"]
    assert "Failed to list" in told["msg"]
    assert "a-secret" not in json.dumps(told)
    assert s3.params["access_key"] not in json.dumps(told)


def test_keys_and_profile_exclude_each_other(s3: Any, capsys: Any) -> None:
    told = call(capsys, s3.params, src="/nowhere", profile="deploy")
    assert told["failed"]
    assert "mutually exclusive" in told["msg"]


def test_half_a_key_is_refused(s3: Any, capsys: Any) -> None:
    told = call(capsys, {**s3.params, "secret_key": None}, src="/nowhere")
    assert told["failed"]
    assert "required together" in told["msg"]


def metadata_of(s3: Any, name: str) -> dict[str, str]:
    import boto3

    keys = {"aws_access_key_id": s3.params["access_key"], "aws_secret_access_key": s3.params["secret_key"]}
    client = boto3.client("s3", endpoint_url=s3.params["endpoint_url"], region_name="us-east-1", **keys)
    return dict(client.head_object(Bucket=s3.state["bucket"], Key=f"{s3.prefix}/{name}")["Metadata"])


def test_metadata_reaches_the_store_and_survives_a_repair(s3: Any, make_release: Any, capsys: Any) -> None:
    src = str(make_release("v1", FILES))
    call(capsys, s3.params, src=src, metadata={"team": "web", "cost": 4711})
    expected = {"team": "web", "cost": "4711"}
    assert metadata_of(s3, "b.txt") == expected
    store = open_store(s3.url, StoreOptions.from_params(s3.params))
    store.put("b.txt", b"b", {"Content-Type": "text/html"})
    assert metadata_of(s3, "b.txt") == {}
    given = {**s3.params, "release": "v1", "repair": True, "metadata": expected}
    given = {name: value for name, value in given.items() if value is not None}
    with patch_module_args(given), pytest.raises(SystemExit):
        static_verify.main()
    assert json.loads(capsys.readouterr().out)["repaired"] == ["b.txt"]
    assert metadata_of(s3, "b.txt") == expected
