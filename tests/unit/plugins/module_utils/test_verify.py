# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.module_utils.published import manifest_key
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.transfer import load_package, make_plan, publish
from ansible_collections.trundle.django.plugins.module_utils.verify import Report, choose, verify

APP, SCRIPT = "css/app.0123456789ab.css", "js/app.ba9876543210.js"
FILES = {"css/app.css": (APP, b"body{}"), "js/app.js": (SCRIPT, b"run()"), "robots.txt": ("robots.txt", b"Allow")}


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture
def record(store: Store, make_release: Any) -> Record:
    package = load_package(str(make_release("v1", FILES, {APP + ".gz": b"gz"})))
    publish(store, package, make_plan(store, package), concurrency=4)
    return package.record


def check(store: Store, record: Record, headers: Any = "all") -> Report:
    return verify(store, record, headers=headers, sample_size=50, concurrency=4)


def problems(store: Store, record: Record, headers: Any = "all") -> dict[str, str]:
    return {problem.key: problem.problem for problem in check(store, record, headers).problems}


def test_a_whole_release_has_no_problem(store: Store, record: Record) -> None:
    assert check(store, record) == Report(checked=4, headers_checked=4, problems=())


def test_progress_is_told_for_each_header_check(store: Store, record: Record, tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "p"), interval=0)
    verify(store, record, headers="all", sample_size=50, concurrency=4, progress=progress)
    assert json.loads((tmp_path / "p").read_text()) == {
        "phase": "headers",
        "done": 4,
        "total": 4,
        "size": 0,
        "total_size": 0,
    }


def test_without_headers_only_listing_record_and_manifest_are_asked_for(s3: Any, store: Store, record: Record) -> None:
    s3.control()
    assert check(store, record, "none") == Report(checked=4, headers_checked=0, problems=())
    assert [method for method, _name in s3.requests()] == ["GET"] * 3


def test_f1_missing_and_broken_files_are_named(store: Store, record: Record) -> None:
    store.put(APP, b"cut", {"Content-Type": "text/css"})
    files = {**record.files, "img/new.0123456789ab.png": record.files[APP]}
    changed = Record(**{**vars(record), "files": files})
    # Also where no header is asked for, which would tell of what is missing too.
    for headers in ("all", "none"):
        found = problems(store, changed, headers)
        assert found[APP] == "3 bytes where the record says 6"
        assert found["img/new.0123456789ab.png"] == "missing"
        assert "another content is published" in found[".releases/v1.json"]
        assert len(found) == 3


def test_f7_wrong_headers_are_named(store: Store, record: Record) -> None:
    store.put(SCRIPT, b"run()", {"Content-Type": "text/plain", "Cache-Control": "no-cache"})
    store.put(APP + ".gz", b"gz", {"Content-Type": "text/css", "Cache-Control": "public, max-age=31536000, immutable"})
    report = check(store, record)
    assert [(problem.key, problem.problem) for problem in report.problems] == [
        (APP + ".gz", "Content-Encoding is None where the record says 'gzip'"),
        (SCRIPT, "Content-Type is 'text/plain' where the record says 'text/javascript'"),
        (SCRIPT, "Cache-Control is 'no-cache' where the record says 'public, max-age=31536000, immutable'"),
    ]


def test_a_release_that_is_not_published_is_a_problem(store: Store, make_release: Any) -> None:
    record = load_package(str(make_release("v9", {"a.txt": ("a.txt", b"1")}))).record
    found = problems(store, record)
    assert found[".releases/v9.json"] == "missing: the release is not published"
    assert found[manifest_key(record)] == "missing"


def test_another_manifest_is_a_problem(store: Store, record: Record) -> None:
    store.put(manifest_key(record), b"{}", {"Content-Type": "application/json"})
    assert problems(store, record) == {manifest_key(record): "its SHA-256 is not the one in the record"}


def test_a_sample_takes_from_every_class_and_stays_the_same(make_release: Any) -> None:
    files = {f"f{n}.css": (f"f{n}.0123456789ab.css", b"%d" % n) for n in range(40)}
    files |= {"one.woff2": ("one.0123456789ab.woff2", b"f"), "robots.txt": ("robots.txt", b"r")}
    record = load_package(str(make_release("v1", files))).record
    sample = choose(record, "sample", 5)
    assert len(sample) == 5
    assert {"one.0123456789ab.woff2", "robots.txt"} < set(sample)
    assert sample == choose(record, "sample", 5)
    assert len(choose(record, "sample", 500)) == 42
    assert choose(record, "all", 5) == sorted(record.files)
    assert choose(record, "none", 5) == []
