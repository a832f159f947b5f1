# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.package import Package, load_package
from ansible_collections.trundle.django.plugins.module_utils.published import manifest_key
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.repair import Repaired, repair
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.transfer import make_plan, publish
from ansible_collections.trundle.django.plugins.module_utils.verify import Report, verify

APP, SCRIPT = "css/app.0123456789ab.css", "js/app.ba9876543210.js"
FILES = {"css/app.css": (APP, b"body{}"), "js/app.js": (SCRIPT, b"run()"), "robots.txt": ("robots.txt", b"Allow")}
RECORD = ".releases/v1.json"
WRONG = {"Content-Type": "text/plain", "Cache-Control": "no-cache"}


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture
def package(store: Store, make_release: Any) -> Package:
    package: Package = load_package(str(make_release("v1", FILES)))
    publish(store, package, make_plan(store, package), concurrency=4)
    return package


def check(store: Store, record: Record) -> Report:
    return verify(store, record, headers="all", sample_size=0, concurrency=4)


def mend(store: Store, package: Package, *, src: bool, check_mode: bool = False) -> Repaired:
    record = package.record
    return repair(store, record, check(store, record), package if src else None, check_mode=check_mode)


def test_f7_wrong_headers_are_put_right_in_place_without_the_files(s3: Any, store: Store, package: Package) -> None:
    store.put(SCRIPT, b"run()", WRONG)
    s3.control()
    assert mend(store, package, src=False) == Repaired((SCRIPT,), ())
    assert s3.requests("PUT", "DELETE", "POST") == [("PUT", SCRIPT)]
    assert check(store, package.record).problems == ()
    assert store.get(SCRIPT) == b"run()"


def test_a_large_file_keeps_its_content(store: Store, make_release: Any) -> None:
    content = bytes(range(256)) * 4096 * 12
    package = load_package(str(make_release("v1", {"film.mp4": ("film.0123456789ab.mp4", content)})))
    publish(store, package, make_plan(store, package), concurrency=4)
    store.put("film.0123456789ab.mp4", content, WRONG)
    assert mend(store, package, src=False).keys == ("film.0123456789ab.mp4",)
    assert store.get("film.0123456789ab.mp4") == content
    assert check(store, package.record).problems == ()


def test_f1_missing_and_broken_files_come_from_the_package(store: Store, package: Package) -> None:
    store.delete([APP])
    store.put("robots.txt", b"cut", WRONG)
    manifest = manifest_key(package.record)
    store.put(manifest, b"{}", WRONG)
    found = mend(store, package, src=True)
    assert (sorted(found.keys), found.problems) == ([manifest, APP, "robots.txt"], ())
    assert check(store, package.record).problems == ()


def test_without_the_package_missing_files_stay_problems(s3: Any, store: Store, package: Package) -> None:
    manifest = manifest_key(package.record)
    store.delete([APP, manifest])
    s3.control()
    found = mend(store, package, src=False)
    assert found.keys == ()
    assert {problem.key: problem.problem for problem in found.problems} == {APP: "missing", manifest: "missing"}
    assert s3.requests("PUT") == []


def test_a_release_that_is_not_published_stays_so(store: Store, package: Package) -> None:
    store.delete([RECORD, APP])
    found = mend(store, package, src=True)
    assert found.keys == (APP,)
    assert [problem.key for problem in found.problems] == [RECORD]
    assert store.get(RECORD) is None


def test_other_content_of_the_same_size_is_not_given_right_headers(store: Store, package: Package) -> None:
    store.put(SCRIPT, b"walk!", WRONG)
    found = mend(store, package, src=False)
    assert found.keys == ()
    assert [(problem.key, problem.problem) for problem in found.problems] == [
        (SCRIPT, "could not be repaired: its content is not that of the record either; give src to upload it again")
    ]
    assert mend(store, package, src=True).keys == (SCRIPT,)
    assert store.get(SCRIPT) == b"run()"


def test_what_the_store_refuses_stays_a_problem(s3: Any, store: Store, package: Package) -> None:
    store.put(SCRIPT, b"run()", WRONG)
    s3.control({"method": "PUT", "path": "/js/", "status": 403, "code": "AccessDenied", "times": 9})
    found = mend(store, package, src=True)
    assert found.keys == ()
    assert "could not be repaired: Failed to upload" in found.problems[0].problem


def test_a_store_that_forgets_the_headers_again_is_not_believed(s3: Any, store: Store, package: Package) -> None:
    store.put(SCRIPT, b"run()", WRONG)
    # Accepted, and lost.
    s3.control({"method": "PUT", "path": "/js/", "status": 200, "times": 9})
    found = mend(store, package, src=True)
    assert found.keys == ()
    assert "could not be repaired: Content-Type is 'text/plain'" in found.problems[0].problem


def test_check_mode_tells_what_would_be_repaired(s3: Any, store: Store, package: Package) -> None:
    store.put(SCRIPT, b"run()", WRONG)
    store.delete([APP])
    s3.control()
    found = mend(store, package, src=False, check_mode=True)
    assert (found.keys, [problem.key for problem in found.problems]) == ((SCRIPT,), [APP])
    assert sorted(mend(store, package, src=True, check_mode=True).keys) == [APP, SCRIPT]
    assert s3.requests("PUT", "POST", "DELETE") == []
