# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import transfer
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.module_utils.store import Headers, Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.sweep import SWEEP
from ansible_collections.trundle.django.plugins.module_utils.transfer import Plan, load_package, make_plan, publish
from ansible_collections.trundle.django.plugins.module_utils.transfer import upload as upload_files

APP = "css/app.0123456789ab.css"
FILES = {
    "css/app.css": (APP, b"body{}"),
    "js/app.js": ("js/app.ba9876543210.js", b"run()"),
    "robots.txt": ("robots.txt", b"Allow"),
}
VARIANT = {APP + ".gz": b"gzipped"}
RECORD, MANIFESTS = ".releases/v1.json", ".releases/manifests/"


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


def upload(store: Store, src: Path, *, force: bool = False) -> tuple[Plan, bool]:
    package = load_package(str(src))
    plan = make_plan(store, package, force=force)
    return plan, publish(store, package, plan, concurrency=8)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, int, int, int, int]] = []

    def tell(self, phase: str, done: int = 0, total: int = 0, *, size: int = 0, total_size: int = 0) -> None:
        self.lines.append((phase, done, total, size, total_size))


def test_progress_is_told_for_each_file(store: Store, make_release: Any) -> None:
    package, told = load_package(str(make_release("v1", FILES, VARIANT))), Told()
    publish(store, package, make_plan(store, package), concurrency=1, progress=told)
    assert told.lines == [
        ("upload", 0, 4, 0, 23),
        ("upload", 1, 4, 6, 23),
        ("upload", 2, 4, 13, 23),
        ("upload", 3, 4, 18, 23),
        ("upload", 4, 4, 23, 23),
        ("prove", 0, 0, 0, 0),
    ]


def exists(store: Store, *names: str) -> list[str]:
    return sorted(store.find(names).objects)


def manifest_of(src: Path) -> str:
    """The name of its manifest in the store."""
    return f"{MANIFESTS}{hashlib.sha256((src / 'staticfiles.json').read_bytes()).hexdigest()}.json"


def manifests(store: Store) -> list[str]:
    return sorted(store.find((), folder=MANIFESTS).objects)


def test_a_fresh_release_is_uploaded_proved_and_recorded(store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES, VARIANT)
    plan, created = upload(store, src)
    assert created
    assert plan.uploads == (APP, APP + ".gz", "js/app.ba9876543210.js", "robots.txt")
    assert (plan.unchanged, plan.bytes) == (0, 23)
    immutable = "public, max-age=31536000, immutable"
    assert store.head(APP) == Headers(6, "text/css", immutable, None, md5(b"body{}"))
    assert store.head(APP + ".gz") == Headers(7, "text/css", immutable, "gzip", md5(b"gzipped"))
    assert store.head("robots.txt") == Headers(5, "text/plain", "no-cache", None, md5(b"Allow"))
    assert store.get(manifest_of(src)) == (src / "staticfiles.json").read_bytes()
    assert store.get(RECORD) == (src / "release.json").read_bytes()
    record = store.head(RECORD)
    assert record is not None
    assert (record.content_type, record.cache_control) == ("application/json", "private, no-store")


def test_f1_order_is_assets_proof_manifest_record(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES, VARIANT)
    upload(store, src)
    log = s3.requests()
    # What is being deleted is asked for just before the record.
    assert log[-3:] == [("PUT", manifest_of(src)), ("GET", SWEEP), ("PUT", RECORD)]
    assert log[-4][0] == "GET"
    assert [method for method, _name in log] == ["GET", *["PUT"] * 4, "GET", "PUT", "GET", "PUT"]


def test_f5_unchanged_sends_no_delete_and_no_put(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES, VARIANT)
    upload(store, src)
    s3.control()
    plan, created = upload(store, src)
    assert not created
    assert plan.uploads == ()
    assert plan.unchanged == 4
    # One listing, whose ETags tell that the record is the same too.
    assert [method for method, _name in s3.requests()] == ["GET"]


def test_f9_a_record_of_other_bytes_is_read(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES)
    upload(store, src)
    record = src / "release.json"
    record.write_text(record.read_text().replace("2026-11-21T09", "2026-11-21T10"))
    s3.control()
    plan, created = upload(store, src)
    assert (plan.uploads, created) == ((), False)
    assert s3.requests()[1:] == [("GET", RECORD)]


def test_f5_a_second_release_uploads_only_what_is_new(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES, VARIANT))
    s3.control()
    changed = {**FILES, "js/app.js": ("js/app.aaaaaaaaaaaa.js", b"run2()")}
    src = make_release("v2", changed, VARIANT)
    plan, created = upload(store, src)
    assert created
    assert plan.uploads == ("js/app.aaaaaaaaaaaa.js",)
    assert s3.requests("DELETE", "POST") == []
    assert [name for _method, name in s3.requests("PUT")] == [
        "js/app.aaaaaaaaaaaa.js",
        manifest_of(src),
        ".releases/v2.json",
    ]
    assert exists(store, "js/app.ba9876543210.js", RECORD) == [RECORD, "js/app.ba9876543210.js"]


def test_more_than_one_page_is_listed(s3: Any, store: Store, make_release: Any) -> None:
    files = {f"f{n}.txt": (f"f{n}.0123456789ab.txt", b"%d" % n) for n in range(1050)}
    src = make_release("v1", files)
    upload(store, src)
    s3.control()
    plan, _created = upload(store, src)
    assert (plan.unchanged, plan.requests) == (1050, 2)
    assert len(s3.requests()) == 2


def test_f4_failed_put_publishes_nothing(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES, VARIANT)
    s3.control({"method": "PUT", "path": "/js/", "times": 99})
    with pytest.raises(TrundleError) as caught:
        upload(store, src)
    assert "Release 'v1' was not published: 1 of 4 uploads failed (js/app.ba9876543210.js)" in caught.value.message
    assert "answered 500 InternalError, even after 2 retries" in caught.value.message
    assert [failure["key"] for failure in caught.value.details["failed_uploads"]] == ["js/app.ba9876543210.js"]
    assert (exists(store, RECORD), manifests(store)) == ([], [])
    s3.control()
    plan, created = upload(store, src)
    assert created
    assert plan.uploads == ("js/app.ba9876543210.js",)


def test_f4_five_percent_of_puts_fail(s3: Any, make_release: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params({**s3.params, "retries": 0}))
    files = {f"f{n}.txt": (f"f{n}.0123456789ab.txt", b"%d" % n) for n in range(200)}
    src = make_release("v1", files)
    s3.control({"method": "PUT", "share": 0.05})
    with pytest.raises(TrundleError) as caught:
        upload(store, src)
    failed = {failure["key"] for failure in caught.value.details["failed_uploads"]}
    assert 1 <= len(failed) < 20
    s3.control()
    names = {key for key, _content in files.values()}
    assert names - set(exists(store, *names)) == failed
    assert (exists(store, RECORD), manifests(store)) == ([], [])
    plan, created = upload(store, src)
    assert created
    assert set(plan.uploads) == failed


def test_f4_an_object_that_is_accepted_and_lost_publishes_nothing(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES, VARIANT)
    s3.control({"method": "PUT", "path": "/js/", "status": 200, "times": 1})
    with pytest.raises(TrundleError, match=r"accepted 1 of its files but does not have them: js/app.*: missing"):
        upload(store, src)
    assert (exists(store, RECORD), manifests(store)) == ([], [])
    # What is there under that name is not what was sent.
    store.put("js/app.ba9876543210.js", b"cut", {"Content-Type": "text/javascript"})
    s3.control({"method": "PUT", "path": "/js/", "status": 200, "times": 1})
    with pytest.raises(TrundleError, match=r"does not have them: js/app.*: 3 bytes where 5 were sent"):
        upload(store, src)
    assert (exists(store, RECORD), manifests(store)) == ([], [])


@pytest.mark.parametrize("others", [0, 20])
def test_f4_f8_what_replaces_an_object_of_its_size_is_proven(
    s3: Any, store: Store, make_release: Any, others: int
) -> None:
    """By one request for it, and by a listing where there are many."""
    upload(store, make_release("v1", FILES))
    more = {f"f{n}.txt": (f"f{n}.0123456789ab.txt", b"%d" % n) for n in range(others)}
    coming = make_release("v2", {**FILES, "robots.txt": ("robots.txt", b"Block"), **more})
    s3.control({"method": "PUT", "path": "/robots.txt", "status": 200, "times": 1})
    with pytest.raises(TrundleError, match=r"does not have them: robots.txt: the content of before"):
        upload(store, coming)
    assert exists(store, ".releases/v2.json") == []
    assert upload(store, coming)[1]


def test_f4_proof_of_one_file_is_one_request(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    s3.control({"method": "PUT", "path": "/js/", "status": 200, "times": 1})
    changed = {**FILES, "js/app.js": ("js/app.aaaaaaaaaaaa.js", b"run2()")}
    with pytest.raises(TrundleError, match="does not have them"):
        upload(store, make_release("v2", changed))
    assert s3.requests("HEAD") == [("HEAD", "js/app.aaaaaaaaaaaa.js")]


def test_wrong_rights_are_not_tried_for_each_file(s3: Any, make_release: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params({**s3.params, **s3.state["reader"]}))
    files = {f"f{n}.txt": (f"f{n}.0123456789ab.txt", b"%d" % n) for n in range(100)}
    with pytest.raises(TrundleError, match="these credentials may not do that"):
        upload(store, make_release("v1", files))
    assert len(s3.requests("PUT")) <= 16


def test_f9_same_id_other_content_is_refused(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES, VARIANT))
    before = store.get(RECORD)
    s3.control()
    other = make_release("v1", {**FILES, "robots.txt": ("robots.txt", b"Deny!")}, VARIANT)
    with pytest.raises(TrundleError, match="published already with other content") as caught:
        upload(store, other)
    assert any("robots.txt: sha256" in line for line in caught.value.details["differences"])
    assert s3.requests("PUT", "DELETE", "POST") == []
    assert store.get(RECORD) == before
    assert store.get("robots.txt") == b"Allow"


def test_f9_same_id_same_content_built_again_is_the_same(store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    again = make_release("v1", FILES)
    text = (again / "release.json").read_text()
    (again / "release.json").write_text(text.replace("2026-11-21T09", "2026-11-22T10"))
    plan, created = upload(store, again)
    assert (plan.uploads, plan.record, plan.manifest, created) == ((), False, False, False)


def test_f9_same_id_and_files_of_another_commit_are_refused(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    again = make_release("v1", FILES)
    text = (again / "release.json").read_text()
    (again / "release.json").write_text(text.replace('"abc"', '"def"'))
    s3.control()
    with pytest.raises(TrundleError, match=r"published already with other content .*revision: 'abc' -> 'def'"):
        upload(store, again)
    assert s3.requests("PUT", "DELETE", "POST") == []


def test_f9_a_lost_race_with_other_content_is_refused(store: Store, make_release: Any) -> None:
    first = load_package(str(make_release("v1", FILES)))
    other = {**FILES, "js/app.js": ("js/app.aaaaaaaaaaaa.js", b"run2()")}
    second = load_package(str(make_release("v1", other)))
    plans = [make_plan(store, package) for package in (first, second)]
    assert publish(store, first, plans[0], concurrency=2)
    with pytest.raises(TrundleError, match="published already with other content"):
        publish(store, second, plans[1], concurrency=2)
    assert store.get(RECORD) == first.record_bytes
    assert store.get(manifest_of(first.folder.parent)) == first.manifest


def test_f26_a_lost_race_with_the_same_content_is_fine(store: Store, make_release: Any) -> None:
    packages = [load_package(str(make_release("v1", FILES))) for _turn in range(2)]
    plans = [make_plan(store, package) for package in packages]
    created = [publish(store, *pair, concurrency=2) for pair in zip(packages, plans)]
    assert created == [True, False]


def test_f5_a_new_id_for_the_same_content_costs_one_put(s3: Any, store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES, VARIANT))
    s3.control()
    plan, created = upload(store, make_release("v2", FILES, VARIANT))
    assert (plan.uploads, plan.manifest, created) == ((), False, True)
    # The listing, the newest record, whose headers are those that the files have, a look for deletions, the record.
    assert [method for method, _name in s3.requests()] == ["GET", "GET", "GET", "PUT"]
    assert s3.requests("PUT") == [("PUT", ".releases/v2.json")]
    assert len(manifests(store)) == 1


def test_a_manifest_that_somebody_broke_is_put_right(store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES)
    store.put(manifest_of(src), b"{}", {"Content-Type": "application/json"})
    _plan, created = upload(store, src)
    assert created
    assert store.get(manifest_of(src)) == (src / "staticfiles.json").read_bytes()


def test_a_published_release_is_made_whole_again(store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES)
    upload(store, src)
    store.put(APP, b"broken", {"Content-Type": "text/plain"})
    store.put("js/app.ba9876543210.js", b"cut", {"Content-Type": "text/plain"})
    plan, created = upload(store, src)
    # An immutable name is trusted as long as its size is right.
    assert plan.uploads == ("js/app.ba9876543210.js",)
    assert plan.replaced == {"js/app.ba9876543210.js": 3}
    assert not created
    assert store.get("js/app.ba9876543210.js") == b"run()"


def test_f8_same_size_other_content_is_uploaded(store: Store, make_release: Any) -> None:
    upload(store, make_release("v1", FILES))
    plan, _created = upload(store, make_release("v2", {**FILES, "robots.txt": ("robots.txt", b"Deny!")}))
    assert plan.uploads == ("robots.txt",)
    assert store.get("robots.txt") == b"Deny!"


def test_force_uploads_all_but_the_record(s3: Any, store: Store, make_release: Any) -> None:
    src = make_release("v1", FILES)
    upload(store, src)
    s3.control()
    plan, created = upload(store, src, force=True)
    assert (len(plan.uploads), plan.unchanged, created) == (3, 0, False)
    assert RECORD not in [name for _method, name in s3.requests("PUT")]


def test_f6_objects_of_a_neighbour_do_not_count(s3: Any, store: Store, make_release: Any) -> None:
    neighbour = open_store(s3.url + "-old", StoreOptions.from_params(s3.params))
    src = make_release("v1", FILES)
    upload(neighbour, src)
    plan, created = upload(store, src)
    assert created
    assert len(plan.uploads) == 3


@pytest.mark.parametrize(("megabytes", "posts"), [(16, 0), (17, 2)], ids=["one request", "streamed"])
def test_large_files_are_streamed(s3: Any, store: Store, make_release: Any, megabytes: int, posts: int) -> None:
    content = bytes(range(256)) * 4096 * megabytes
    plan, _created = upload(store, make_release("v1", {"film.mp4": ("film.0123456789ab.mp4", content)}))
    assert plan.bytes == len(content)
    assert store.get("film.0123456789ab.mp4") == content
    # The beginning and the end of a multipart upload.
    assert len(s3.requests("POST")) == posts


def change(src: Path, key: str, content: bytes) -> None:
    (src / "static" / key).write_bytes(content)


@pytest.mark.parametrize("size", [6, 2_000_000], ids=["small", "large"])
def test_a_local_file_of_other_content_is_not_published(store: Store, make_release: Any, size: int) -> None:
    src = make_release("v1", {"css/app.css": (APP, b"x" * size)})
    change(src, APP, b"y" * size)
    with pytest.raises(TrundleError, match="is not the file of the record: its SHA-256"):
        upload(store, src)
    assert exists(store, APP, RECORD) == []


def test_a_record_that_cannot_be_read_stops_the_publish(s3: Any, store: Store, make_release: Any) -> None:
    store.put(RECORD, b"not json", {"Content-Type": "application/json"})
    s3.control()
    with pytest.raises(TrundleError, match=r"\.releases/v1\.json: Failed to read the release record"):
        upload(store, make_release("v1", FILES))
    assert s3.requests("PUT") == []


def test_throttling_is_honoured_with_pauses_and_fewer_at_a_time(
    s3: Any, store: Store, make_release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"f{n}.txt": (f"f{n}.0123456789ab.txt", b"%d" % n) for n in range(40)}
    package = load_package(str(make_release("v1", files)))
    plan, pauses, at_a_time = make_plan(store, package), [], []
    run = transfer._Round.run

    def watched(self: Any, keys: list[str], concurrency: int) -> None:
        at_a_time.append(concurrency)
        run(self, keys, concurrency)

    monkeypatch.setattr(transfer._Round, "run", watched)
    # Each of the first requests is sent three times.
    s3.control({"method": "PUT", "status": 503, "code": "SlowDown", "times": 8 * 3})
    failures = upload_files(store, package, plan, concurrency=8, progress=Progress(), pause=pauses.append)
    assert failures == []
    assert len(exists(store, *plan.uploads)) == 40
    assert at_a_time[0] == 8
    assert at_a_time[1] == 2
    assert len(pauses) == len(at_a_time) - 1
    assert 1 <= pauses[0] <= 3


def test_a_store_that_stays_throttled_fails_the_upload(s3: Any, make_release: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params({**s3.params, "retries": 0}))
    package, pauses = load_package(str(make_release("v1", FILES))), []
    s3.control({"method": "PUT", "path": "/js/", "status": 429, "code": "TooManyRequests", "times": 99})
    plan = make_plan(store, package)
    failures = upload_files(store, package, plan, concurrency=8, progress=Progress(), pause=pauses.append)
    assert [failure.key for failure in failures] == ["js/app.ba9876543210.js"]
    assert len(pauses) == 3
    assert 4 <= pauses[2] <= 12
