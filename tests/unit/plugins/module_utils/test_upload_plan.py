# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.package import load_package
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.transfer import publish
from ansible_collections.trundle.django.plugins.module_utils.upload_plan import Plan, make_plan

APP, SCRIPT = "css/app.0123456789ab.css", "js/app.ba9876543210.js"
FILES = {"css/app.css": (APP, b"body{}"), "js/app.js": (SCRIPT, b"run()"), "robots.txt": ("robots.txt", b"Allow")}
DENY = {**FILES, "robots.txt": ("robots.txt", b"Deny!")}
SHORT = "public, max-age=60"


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture
def opaque(store: Store) -> Store:
    """A store whose ETags tell nothing of the content, as with SSE-KMS."""
    store._kind = replace(store._kind, etag_is_md5=False)  # type: ignore[attr-defined]  # of S3's alone
    return store


def upload(store: Store, src: Path) -> Plan:
    package = load_package(str(src))
    plan = make_plan(store, package)
    publish(store, package, plan, concurrency=8)
    return plan


def with_headers(src: Path, old: str, new: str) -> Path:
    text = (src / "release.json").read_text()
    assert old in text
    (src / "release.json").write_text(text.replace(old, new))
    return src


def test_an_unchanged_release_takes_one_listing_and_one_request(s3: Any, store: Store, make_release: Any) -> None:
    for release in ("v1", "v2", "v3"):
        upload(store, make_release(release, FILES))
    s3.control()
    plan = upload(store, make_release("v3", FILES))
    assert (plan.uploads, plan.unchanged, plan.unrecorded) == ((), 3, 0)
    # The listing, which tells that the record of v3 is the same, and the record of v2, which could want other headers.
    assert [method for method, _name in s3.requests()] == ["GET"] * 2
    assert s3.requests()[1:] == [("GET", ".releases/v2.json")]


def test_f7_a_change_of_headers_alone_reaches_the_store(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    s3.control()
    plan = upload(store, with_headers(make_release("v2", FILES), '"no-cache"', f'"{SHORT}"'))
    assert plan.uploads == ("robots.txt",)
    assert plan.headers == {"robots.txt": f"Cache-Control is 'no-cache' where the record says '{SHORT}'"}
    assert (plan.unchanged, plan.bytes, plan.replaced) == (2, 5, {"robots.txt": 5})
    found = store.head("robots.txt")
    assert found is not None
    assert found.cache_control == SHORT
    # In place: it is not missing for a moment.
    assert s3.requests("DELETE", "POST") == []
    assert ("PUT", "robots.txt") in s3.requests()
    assert APP not in [name for _method, name in s3.requests("PUT", "HEAD")]


def test_f7_headers_that_are_right_already_are_left(s3: Any, store: Store, make_release: Any) -> None:
    """The release that was published last wants other headers, but somebody has put these ones right."""
    first = make_release("v1", FILES)
    upload(store, first)
    upload(store, with_headers(make_release("v2", FILES), '"no-cache"', f'"{SHORT}"'))
    assert upload(store, first).headers.keys() == {"robots.txt"}
    s3.control()
    plan = upload(store, first)
    assert (plan.uploads, plan.headers) == ((), {})
    assert s3.requests("HEAD") == [("HEAD", "robots.txt")]
    assert s3.requests("PUT") == []


def test_f7_the_headers_of_a_file_that_comes_back_are_known(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, with_headers(make_release("v1", FILES), '"text/javascript"', '"text/plain"'))
    upload(store, make_release("v2", {"css/app.css": FILES["css/app.css"]}))
    s3.control()
    plan = upload(store, make_release("v3", FILES))
    assert plan.uploads == (SCRIPT,)
    assert plan.headers == {SCRIPT: "Content-Type is 'text/plain' where the record says 'text/javascript'"}


def test_what_an_aborted_run_has_sent_is_not_asked_for(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", {"robots.txt": FILES["robots.txt"]}))
    package = load_package(str(make_release("v2", FILES)))
    store.put(APP, package.path(APP).read_bytes(), {"Content-Type": "text/css"})
    s3.control()
    plan = make_plan(store, package)
    assert (plan.uploads, plan.unrecorded) == ((SCRIPT,), 1)
    assert s3.requests("HEAD") == []
    publish(store, package, plan, concurrency=4)
    assert make_plan(store, load_package(str(make_release("v3", FILES)))).unrecorded == 0


def test_a_record_of_others_that_cannot_be_read_is_passed_over(store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    store.put(".releases/v2.json", b'{"schema": 9}', {"Content-Type": "application/json"})
    plan = upload(store, with_headers(make_release("v3", FILES), '"no-cache"', f'"{SHORT}"'))
    assert plan.uploads == ("robots.txt",)


def test_at_most_five_records_of_others_are_read(s3: Any, store: Store, make_release: Any) -> None:
    for number in range(7):
        upload(store, make_release(f"v{number}", {"robots.txt": FILES["robots.txt"]}))
    store.put(APP, b"body{}", {"Content-Type": "text/css"})
    s3.control()
    make_plan(store, load_package(str(make_release("v9", FILES))))
    assert len(s3.requests("GET")) == 6


def test_f8_content_is_told_by_the_record_where_no_etag_does(opaque: Store, make_release: Any) -> None:
    first = make_release("v1", FILES)
    upload(opaque, first)
    assert upload(opaque, first).uploads == ()
    assert upload(opaque, make_release("v2", FILES)).uploads == ()
    # The same size.
    assert upload(opaque, make_release("v3", DENY)).uploads == ("robots.txt",)
    assert opaque.get("robots.txt") == b"Deny!"
    assert upload(opaque, make_release("v4", FILES)).uploads == ("robots.txt",)
    assert opaque.get("robots.txt") == b"Allow"


def test_f8_content_that_no_record_tells_is_sent(opaque: Store, make_release: Any) -> None:
    """Written by others, or by a run that was aborted before its record."""
    opaque.put("robots.txt", b"Deny!", {"Content-Type": "text/plain"})
    assert upload(opaque, make_release("v1", FILES)).uploads == (APP, SCRIPT, "robots.txt")


def test_f8_a_record_older_than_the_file_tells_nothing(opaque: Store, make_release: Any) -> None:
    first = make_release("v1", FILES)
    upload(opaque, first)
    package = load_package(str(first))
    listing = opaque.find(["robots.txt", ".releases/v1.json"])
    written = listing.objects[".releases/v1.json"].modified
    # A listing tells whole seconds.
    while opaque.find(["robots.txt"]).objects["robots.txt"].modified == written:
        opaque.put("robots.txt", b"Deny!", {"Content-Type": "text/plain", "Cache-Control": "no-cache"})
    assert make_plan(opaque, package).uploads == ("robots.txt",)


def test_f8_on_a_shared_file_system_the_record_tells_the_content(tmp_path: Path, make_release: Any) -> None:
    folder = tmp_path / "static"
    folder.mkdir()
    folder.chmod(0o755)
    store = open_store(f"file://{folder}", StoreOptions())
    assert len(upload(store, make_release("v1", FILES)).uploads) == 3
    assert upload(store, make_release("v1", FILES)).uploads == ()
    # A web server gives the headers there: other ones are no reason to write.
    assert upload(store, with_headers(make_release("v2", FILES), '"no-cache"', f'"{SHORT}"')).uploads == ()
    assert upload(store, make_release("v3", DENY)).uploads == ("robots.txt",)
    assert (folder / "robots.txt").read_bytes() == b"Deny!"
