# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.store_survey import Amount, Unreadable, survey
from ansible_collections.trundle.django.plugins.module_utils.transfer import load_package, make_plan, publish

SHARED = {"css/app.css": ("css/app.0123456789ab.css", b"body{}"), "robots.txt": ("robots.txt", b"Allow")}
V1 = {**SHARED, "js/app.js": ("js/app.ba9876543210.js", b"run()")}
V2 = {**SHARED, "js/app.js": ("js/app.aaaaaaaaaaaa.js", b"run2()")}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def store(s3: Any) -> Store:
    return open_store(s3.url, StoreOptions.from_params(s3.params))


@pytest.fixture
def two_releases(store: Store, make_release: Any) -> None:
    for release, files in (("v1", V1), ("v2", V2)):
        package = load_package(str(make_release(release, files)))
        publish(store, package, make_plan(store, package), concurrency=4)


def test_an_empty_store_has_nothing(store: Store) -> None:
    found = survey(store)
    assert (found.releases, found.reachable, found.unreferenced) == ((), Amount(0, 0), Amount(0, 0))


@pytest.mark.usefixtures("two_releases")
def test_releases_and_what_they_refer_to(s3: Any, store: Store) -> None:
    store.put("js/app.old000000000.js", b"forgotten", {"Content-Type": "text/javascript"})
    store.put(".releases/locks/shop.json", b"{}", JSON)
    store.put(".releases/note.txt", b"no record", JSON)
    s3.control()
    found = survey(store)
    assert {one.record.release: (one.files, one.own, one.missing) for one in found.releases} == {
        "v1": (Amount(3, 16), Amount(1, 5), 0),
        "v2": (Amount(3, 17), Amount(1, 6), 0),
    }
    assert all(one.published >= "2026" for one in found.releases)
    assert (found.reachable, found.unreferenced, found.unreadable) == (Amount(4, 22), Amount(1, 9), ())
    # One listing, and each record.
    assert len(s3.log()) == 3


@pytest.mark.usefixtures("two_releases")
def test_a_missing_file_is_counted(store: Store) -> None:
    store.delete(["js/app.ba9876543210.js"])
    found = survey(store)
    assert {one.record.release: (one.own, one.missing) for one in found.releases} == {
        "v1": (Amount(0, 0), 1),
        "v2": (Amount(1, 6), 0),
    }
    assert found.reachable == Amount(3, 17)


@pytest.mark.usefixtures("two_releases")
def test_a_record_that_cannot_be_read_is_named(store: Store) -> None:
    store.put(".releases/v2.json", b'{"schema": 9}', JSON)
    store.put(".releases/v3.json", store.get(".releases/v1.json") or b"", JSON)
    found = survey(store)
    assert [one.record.release for one in found.releases] == ["v1"]
    assert found.unreferenced == Amount(1, 6)
    assert [one.record for one in found.unreadable] == [".releases/v2.json", ".releases/v3.json"]
    assert "schema 9 is not known here" in found.unreadable[0].cause
    assert found.unreadable[1] == Unreadable(".releases/v3.json", "It is the record of release 'v1'.")


@pytest.mark.usefixtures("two_releases")
def test_f6_a_neighbour_is_not_counted(s3: Any, store: Store) -> None:
    open_store(s3.url + "-old", StoreOptions.from_params(s3.params)).put("a.js", b"a", JSON)
    assert survey(store).unreferenced == Amount(0, 0)
