# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest

from ansible_collections.trundle.django.plugins.module_utils import store as stores
from ansible_collections.trundle.django.plugins.module_utils import store_objects, store_s3
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store import (
    ObjectExistsError,
    StoreOptions,
    open_store,
    parse_url,
)
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

KEYS = {"access_key": "AKIA", "secret_key": "hidden", "session_token": "hidden"}
PLAIN = {"Content-Type": "text/css", "Cache-Control": "no-cache"}
NAMES = [
    "a b.css",
    "x@2x.png",
    "tilde~.js",
    "100%.txt",
    "h#t.css",
    "a+b.js",
    "ü/日本.css",
    "[1]{2}.js",
    "p%20c.js",
    "q?.js",
]


def open_at(s3: Any, **changes: Any) -> stores.Store:
    params = {**s3.params, **changes}
    return open_store(params["store"], StoreOptions.from_params(params))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("gs://bucket/x", "must start with s3://, az://, file://"),
        ("bucket/static", "must start with s3://, az://, file://"),
        ("s3:///static", "names no valid bucket"),
        ("s3://No Such!/static", "names no valid bucket"),
        ("s3://bucket/a/../b", "an empty, '.' or '..' part"),
        ("s3://bucket/a//b", "an empty, '.' or '..' part"),
        ("s3://AKIA:hidden@bucket/static", "give keys by access_key"),
        ("ftp://user:hidden@host/static", "must start with s3://, az://, file://"),
    ],
)
def test_a_wrong_url_is_explained(url: str, expected: str) -> None:
    with pytest.raises(TrundleError, match=expected) as caught:
        parse_url(url)
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("url", ["s3://bucket/static", "s3://bucket/static/"])
def test_prefix_is_a_folder(url: str) -> None:
    assert parse_url(url).url == "s3://bucket/static"


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://host", "http://", "http://host:port", "https://a b", "http://u:p@h"]
)
def test_a_wrong_endpoint_is_explained(url: str) -> None:
    options = StoreOptions(**KEYS, endpoint_url=url)
    with pytest.raises(TrundleError, match=r"endpoint_url .* is not valid"):
        open_store("s3://bucket/static", options)


def test_options_show_no_secret() -> None:
    shown = repr(StoreOptions(**KEYS))
    assert "hidden" not in shown
    assert "AKIA" not in shown


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_objects, "OBSTORE_ERROR", "Traceback")
    with pytest.raises(TrundleError, match=r"required Python library \(obstore\)") as caught:
        open_store("s3://bucket/static", StoreOptions())
    assert caught.value.details["exception"] == "Traceback"


@pytest.mark.parametrize("name", NAMES)
def test_names_survive(s3: Any, name: str) -> None:
    store = open_at(s3)
    store.put(name, b"abc", PLAIN)
    assert store.get(name) == b"abc"
    assert store.find([name]).objects[name].size == 3


def test_headers_survive(s3: Any) -> None:
    store = open_at(s3)
    store.put("a.css.gz", b"abc", {**PLAIN, "Content-Encoding": "gzip"})
    assert store.head("a.css.gz") == stores.Headers(
        3, "text/css", "no-cache", "gzip", md5=hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
    )
    assert store.head("missing") is None
    assert store.get("missing") is None


def sent(s3: Any) -> dict[str, str]:
    """The headers of the one PUT since the last control that say how the object is to be kept."""
    [entry] = [entry for entry in s3.log() if entry["method"] == "PUT"]
    return {name.removeprefix("HTTP_X_AMZ_"): value for name, value in entry["amz"].items()}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"encryption_mode": "AES256"}, {"SERVER_SIDE_ENCRYPTION": "AES256"}),
        ({"encryption_mode": "aws:kms"}, {"SERVER_SIDE_ENCRYPTION": "aws:kms"}),
        (
            {"encryption_mode": "aws:kms", "encryption_kms_key_id": "some-key"},
            {"SERVER_SIDE_ENCRYPTION": "aws:kms", "SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID": "some-key"},
        ),
        ({"checksum_algorithm": "sha256"}, {"CHECKSUM_SHA256": "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}),
        ({"checksum_algorithm": "none"}, {}),
    ],
    ids=["plain", "sse-s3", "sse-kms", "sse-kms-key", "checksum", "no-checksum"],
)
def test_the_server_is_told_how_to_keep_an_object(s3: Any, options: dict[str, str], expected: dict[str, str]) -> None:
    store = open_at(s3, **options)
    store.put("a", b"abc", PLAIN)
    assert sent(s3) == expected
    assert store.get("a") == b"abc"
    # With KMS the ETag is not the MD5, whatever it looks like.
    assert (store.find(["a"]).objects["a"].md5 is None) == (options.get("encryption_mode") == "aws:kms")


def test_amazon_gets_a_checksum_beside_each_object() -> None:
    location = stores.parse_url("s3://bucket/static")
    config = store_s3.object_config(location, StoreOptions(), endpoint=None, style="virtual")
    assert config == {"checksum_algorithm": "SHA256"}


def test_a_server_may_want_the_bucket_in_its_name() -> None:
    location = stores.parse_url("s3://bucket/static")
    options = StoreOptions(**KEYS, endpoint_url="https://s3.example.com:9000", addressing_style="virtual")
    config = store_s3.object_config(location, options, endpoint=options.endpoint_url, style="virtual")
    assert config == {"endpoint": "https://bucket.s3.example.com:9000"}
    assert open_store("s3://bucket/static", options).location == location


def test_create_only_refuses_a_second_object(s3: Any) -> None:
    store = open_at(s3)
    store.put("a", b"1", PLAIN, create_only=True)
    with pytest.raises(ObjectExistsError):
        store.put("a", b"2", PLAIN, create_only=True)
    assert store.get("a") == b"1"


def test_f6_prefix_static_does_not_match_static_old(s3: Any) -> None:
    open_at(s3, store=s3.url + "-old").put("app.css", b"old", PLAIN)
    assert open_at(s3).find(["app.css", "../static-old/app.css", "-old/app.css"]).objects == {}
    assert list(open_at(s3).iterate()) == []


def test_everything_below_the_prefix_is_listed_and_deleted(s3: Any) -> None:
    store, beside = open_at(s3), open_at(s3, store=s3.url + "-old")
    names = [f"js/{number:04}.js" for number in range(1203)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.put(name, b"abc", PLAIN), names))
    beside.put("a.js", b"old", PLAIN)
    listed = dict(store.iterate())
    assert sorted(listed) == names
    assert listed[names[0]].size == 3
    assert datetime.now(timezone.utc) - timedelta(minutes=5) < listed[names[0]].modified
    s3.control()
    store.delete([*names[1:], "not-there.js"])
    assert [method for method, _path in s3.requests()] == ["POST", "POST"]
    assert [name for name, _stored in store.iterate()] == names[:1]
    assert beside.get("a.js") == b"old"


@pytest.mark.parametrize("foreign", ["a//b.css", "./a.css", "zz/../b.css", "m//"])
def test_a_foreign_key_in_the_bucket_does_not_hide_the_others(s3: Any, foreign: str) -> None:
    store = open_at(s3)
    for name in ("b.css", "z.css"):
        store.put(name, b"abc", PLAIN)
    client = boto3.client(
        "s3",
        endpoint_url=s3.params["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id=s3.params["access_key"],
        aws_secret_access_key=s3.params["secret_key"],
    )
    client.put_object(Bucket=s3.state["bucket"], Key=f"{s3.prefix}/{foreign}", Body=b"foreign")
    store.check_access()
    found = store.find(["b.css", "z.css"]).objects
    assert {name: (stored.size, stored.md5) for name, stored in found.items()} == dict.fromkeys(
        ("b.css", "z.css"), (3, hashlib.md5(b"abc", usedforsecurity=False).hexdigest())
    )
    assert {"b.css", "z.css"} <= {name for name, _stored in store.iterate()}


def test_a_large_file_is_sent_in_parts(s3: Any, tmp_path: Path) -> None:
    content = bytes(6 * 1024 * 1024)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    store = open_at(s3)
    store.put("large.bin", path, PLAIN)
    assert ("POST", "large.bin") in s3.requests()
    assert store.get("large.bin") == content
    # Its ETag is no MD5 and must not be taken for one.
    assert store.find(["large.bin"]).objects["large.bin"].md5 is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"store": "s3://no-such-bucket/static"}, "there is no bucket 'no-such-bucket'"),
        ({"access_key": "AKIAXXXXXXXXXXXXXXXX"}, "does not know the access key"),
        ({"secret_key": "not-the-secret"}, "the secret key does not belong to the access key"),
        ({"endpoint_url": "http://127.0.0.1:1"}, "nothing listens at http://127.0.0.1:1; start the server or"),
        ({"endpoint_url": "https:"}, "does not speak TLS; use http://"),
    ],
    ids=["bucket", "key", "secret", "endpoint", "tls"],
)
def test_wrong_options_give_one_sentence(s3: Any, changes: dict[str, str], expected: str) -> None:
    if changes.get("endpoint_url") == "https:":
        changes = {"endpoint_url": s3.params["endpoint_url"].replace("http:", "https:")}
    store = open_at(s3, **changes)
    calls = (store.check_access, lambda: store.find(["a"]), lambda: store.get("a"), lambda: store.put("a", b"", PLAIN))
    for call in calls:
        with pytest.raises(stores.FinalError) as caught:
            call()
        assert expected in caught.value.message
        assert s3.params["secret_key"] not in caught.value.message
        assert "not-the-secret" not in caught.value.message
        assert "\n" not in caught.value.message


def test_missing_permission_is_explained(s3: Any) -> None:
    store = open_at(s3, **s3.state["reader"])
    assert store.find(["a"]).objects == {}
    with pytest.raises(TrundleError, match=r"Failed to upload s3://assets/.*/a: these credentials may not do that"):
        store.put("a", b"", PLAIN)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (301, "PermanentRedirect", "not in region 'us-east-1'; set region"),
        (400, "AuthorizationHeaderMalformed", "not in region 'us-east-1'; set region"),
        (403, "RequestTimeTooSkewed", "clock"),
        (503, "SlowDown", "asks to slow down, even after 2 retries"),
    ],
)
def test_answers_of_the_server_are_explained(s3: Any, status: int, code: str, expected: str) -> None:
    store = open_at(s3)
    s3.control({"status": status, "code": code, "times": 9})
    with pytest.raises(TrundleError, match=expected):
        store.find(["a"])


def test_a_passing_fault_is_retried(s3: Any) -> None:
    store = open_at(s3)
    s3.control({"method": "PUT", "times": 2})
    store.put("a", b"1", PLAIN)
    assert s3.requests("PUT") == [("PUT", "a")] * 3


def test_the_session_token_is_sent(s3: Any) -> None:
    store = open_at(s3, session_token="a-token")
    # The server refuses a token that does not belong to the key: so it has arrived.
    with pytest.raises(TrundleError, match="the session token is not valid; renew it"):
        store.put("a", b"1", PLAIN)
    assert [entry["token"] for entry in s3.log()] == ["a-token"]


def test_no_credentials_anywhere(s3: Any) -> None:
    with pytest.raises(TrundleError, match="No AWS credentials found: give access_key and secret_key"):
        open_at(s3, access_key=None, secret_key=None)


def test_an_unknown_profile_is_named(s3: Any) -> None:
    with pytest.raises(TrundleError, match=r"profile .nope. could not be found"):
        open_at(s3, access_key=None, secret_key=None, profile="nope")


def test_profile_gives_keys_and_endpoint(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "aws-config").write_text(f"[profile deploy]\nendpoint_url = {s3.params['endpoint_url']}\n")
    (tmp_path / "aws-credentials").write_text(
        f"[deploy]\naws_access_key_id = {s3.params['access_key']}\naws_secret_access_key = {s3.params['secret_key']}\n"
    )
    store = open_at(s3, access_key=None, secret_key=None, endpoint_url=None, profile="deploy")
    store.put("a", b"1", PLAIN)
    assert store.get("a") == b"1"


def test_keys_that_expire_are_fetched_anew_during_an_upload(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a role, of single sign-on or of an instance do."""
    expires = (datetime.now(timezone.utc) + timedelta(minutes=2)).isoformat()
    keys = {"AccessKeyId": s3.params["access_key"], "SecretAccessKey": s3.params["secret_key"], "Expiration": expires}
    (tmp_path / "keys.json").write_text(json.dumps({"Version": 1, **keys}))
    (tmp_path / "keys.sh").write_text(f"echo >> {tmp_path}/calls; cat {tmp_path}/keys.json\n")
    (tmp_path / "aws-config").write_text(f"[profile role]\ncredential_process = sh {tmp_path}/keys.sh\n")
    # They are asked for before each request, as else they are every few minutes.
    monkeypatch.setattr(store_s3.BotoCredentials, "TTL", timedelta(0))
    store = open_at(s3, access_key=None, secret_key=None, profile="role")
    before = len((tmp_path / "calls").read_text())
    for name in ("a", "b", "c"):
        store.put(name, b"1", PLAIN)
    assert len((tmp_path / "calls").read_text()) - before >= 3


def test_environment_gives_keys_and_endpoint(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.params["access_key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.params["secret_key"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.params["endpoint_url"])
    store = open_at(s3, access_key=None, secret_key=None, endpoint_url=None)
    store.put("a", b"1", PLAIN)
    assert store.get("a") == b"1"


def test_given_keys_need_no_boto3(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.params["endpoint_url"])
    store = open_at(s3, endpoint_url=None)
    store.put("a", b"1", PLAIN)
    assert store.get("a") == b"1"
    with pytest.raises(TrundleError, match=r"required Python library \(boto3\)"):
        open_at(s3, access_key=None, secret_key=None)


def test_a_profile_gives_the_endpoint_of_given_keys(s3: Any, tmp_path: Path) -> None:
    (tmp_path / "aws-config").write_text(f"[default]\nendpoint_url = {s3.params['endpoint_url']}\n")
    store = open_at(s3, endpoint_url=None)
    store.put("a", b"1", PLAIN)
    assert store.get("a") == b"1"


def test_given_keys_win_over_the_environment(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "wrong")
    store = open_at(s3)
    store.put("a", b"1", PLAIN)
    assert store.get("a") == b"1"


def test_a_listing_is_cut_where_pages_end() -> None:
    kind = store_objects.Kind(page=10, etag_is_md5=True, ranges=3)
    names = [f"f{number:03}.js" for number in range(55)]
    assert store_objects.cut(names[:10], kind) == [(None, None)]
    assert store_objects.cut(names[:11], kind) == [(None, "f009.js"), ("f009.js", None)]
    assert store_objects.cut(names, kind) == [(None, "f019.js"), ("f019.js", "f039.js"), ("f039.js", None)]
    # Where a name has to be quoted there is no cut.
    assert store_objects.cut([name.replace("f019", "f019 a") for name in names], kind) == [
        (None, "f039.js"),
        ("f039.js", None),
    ]
    assert store_objects.cut(names, store_objects.Kind(page=10, etag_is_md5=True)) == [(None, None)]


@runs_once
def test_a_listing_in_parts_finds_all(s3: Any) -> None:
    store, names = open_at(s3), [f"f{number:04}.js" for number in range(3000)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: store.put(name, b"abc", PLAIN), names))
    s3.control()
    listing = store.find(names)
    assert sorted(listing.objects) == names
    # As many as without parts.
    assert (listing.requests, len(s3.requests())) == (3, 3)
    client = boto3.client(
        "s3",
        endpoint_url=s3.params["endpoint_url"],
        region_name="us-east-1",
        aws_access_key_id=s3.params["access_key"],
        aws_secret_access_key=s3.params["secret_key"],
    )
    # What others have moves the ends of pages, or cannot be read by obstore.
    for foreign in ("a", "f0500x.js", "z", "f1500//x.js"):
        client.put_object(Bucket=s3.state["bucket"], Key=f"{s3.prefix}/{foreign}", Body=b"foreign")
        s3.control()
        assert sorted(store.find([*names, "not-there.js"]).objects) == names
        # A request that obstore gives up at is sent again by boto3.
        assert len(s3.requests()) <= 4 + store_s3.RANGES + 2 * ("//" in foreign)
