# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import retire as retire_module
from ansible_collections.trundle.django.plugins.module_utils import retire_plan, sweep, unreferenced
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.in_use import note_key, read_notes, write_note
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.module_utils.published import manifest_key
from ansible_collections.trundle.django.plugins.module_utils.retire import Plan, Policy, Sizes, make_plan, retire
from ansible_collections.trundle.django.plugins.module_utils.store import Store, StoreOptions, open_store
from ansible_collections.trundle.django.plugins.module_utils.store_survey import Amount
from ansible_collections.trundle.django.plugins.module_utils.transfer import Package, load_package, publish
from ansible_collections.trundle.django.plugins.module_utils.transfer import make_plan as plan_upload
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.faulty import assert_whole

JSON = {"Content-Type": "application/json"}
SHARED = {"css/app.css": ("css/app.0123456789ab.css", b"body{}"), "robots.txt": ("robots.txt", b"Allow")}
# Each release has a file of its own.
OWN = {"v1": "js/app.111111111111.js", "v2": "js/app.222222222222.js", "v3": "js/app.333333333333.js"}
# Only the newest, and what is in use.
STRICT = Policy(keep=1, keep_days=0, grace_days=7)


@pytest.fixture(params=["s3", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Store]:
    """Stores side by side: one is named like the other, and more."""
    if request.param == "s3":
        s3 = request.getfixturevalue("s3")
        return lambda more="": open_store(s3.url + more, StoreOptions.from_params(s3.params))

    def make(more: str = "") -> Store:
        folder = tmp_path / "efs" / f"static{more}"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        return open_store(f"file://{folder}", StoreOptions())

    return make


@pytest.fixture
def store(place: Any) -> Store:
    return place()


@pytest.fixture(autouse=True)
def nobody_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LEAST_SETTLE", 0)


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that lets so many days pass."""

    def go(number: float) -> None:
        monkeypatch.setattr(retire_plan, "now", lambda: unreferenced.now() + timedelta(days=number))

    return go


@pytest.fixture
def releases(store: Store, make_release: Any) -> dict[str, Package]:
    return {name: published(store, make_release, name) for name in OWN}


def published(store: Store, make_release: Any, name: str, **options: Any) -> Package:
    files = {**SHARED, "js/app.js": (OWN[name], name.encode())}
    package = load_package(str(make_release(name, files)))
    publish(store, package, plan_upload(store, package, **options), concurrency=4)
    return package


def run(store: Store, policy: Policy) -> Plan:
    """What the module does."""
    plan = make_plan(store, policy)
    return retire(store, policy, plan, Progress(), sizes=Sizes(settle=0))


def names(store: Store) -> set[str]:
    """All that is there, but for what is written down between two runs."""
    return {name for name, _stored in store.iterate() if not name.startswith(".releases/retire/")}


def of(*packages: Package) -> set[str]:
    """All that these releases consist of."""
    found = {key for package in packages for key in (*package.record.files, manifest_key(package.record))}
    return found | {f".releases/{package.record.release}.json" for package in packages}


def test_r63_records_go_at_once_and_files_after_the_grace_period(
    store: Store, releases: dict[str, Package], days: Any
) -> None:
    v1, v2, v3 = releases.values()
    first = run(store, STRICT)
    assert (first.retired, first.deleted, sorted(first.waiting)) == (
        ("v1", "v2"),
        {},
        sorted([OWN["v1"], OWN["v2"], manifest_key(v1.record), manifest_key(v2.record)]),
    )
    assert names(store) == of(v1, v2, v3) - {".releases/v1.json", ".releases/v2.json"}
    days(6.9)
    assert not make_plan(store, STRICT).changes
    run(store, STRICT)
    days(7.1)
    last = run(store, STRICT)
    assert set(last.deleted) == of(v1, v2) - of(v3) - {".releases/v1.json", ".releases/v2.json"}
    assert last.bytes == sum(last.deleted.values())
    assert names(store) == of(v3)
    assert_files(store, v3)
    assert not make_plan(store, STRICT).changes


def assert_files(store: Store, package: Package) -> None:
    if store.keeps_headers:
        assert_whole(store, package)
    for key in package.record.files:
        assert store.get(key) == package.path(key).read_bytes()


def test_f24_what_is_in_use_is_kept_however_old_it_is(store: Store, releases: dict[str, Package], days: Any) -> None:
    days(100)
    policy = replace(STRICT, in_use=frozenset({"v1"}))
    plan = run(store, policy)
    assert plan.retired == ("v2",)
    assert plan.kept == {"v3": ["one of the newest 1"], "v1": ["in use"]}
    days(200)
    run(store, policy)
    assert names(store) == of(releases["v1"], releases["v3"])


@pytest.mark.parametrize(
    ("policy", "retired"),
    [
        (Policy(keep=3, keep_days=0), ()),
        (Policy(keep=2, keep_days=0), ("v1",)),
        (Policy(keep=1, keep_days=2), ()),
        (Policy(keep=1, keep_days=0.5), ("v1", "v2")),
    ],
    ids=["count", "count-less", "age", "age-over"],
)
def test_keep_by_count_and_by_age(
    store: Store, releases: dict[str, Package], days: Any, policy: Policy, retired: tuple[str, ...]
) -> None:
    assert releases
    days(1)
    plan = make_plan(store, policy)
    # On a disk the three may have been published at the same time: then the names decide.
    assert plan.retired == retired


def test_f24_what_other_sites_use_is_kept(store: Store, make_release: Any, days: Any) -> None:
    """The staging site deploys v1 and production, with the same store, all that comes after it."""
    staging = published(store, make_release, "v1", used_by="staging.test")
    for name in ("v2", "v3"):
        published(store, make_release, name, used_by="shop.test")
    assert read_notes(names(store)) == {"staging.test": {"v1"}, "shop.test": {"v2", "v3"}}
    days(100)
    policy = replace(STRICT, used_by="shop.test", in_use=frozenset({"v3"}))
    plan = run(store, policy)
    assert (plan.retired, plan.kept["v1"]) == (("v2",), ["in use by staging.test"])
    assert read_notes(names(store)) == {"staging.test": {"v1"}, "shop.test": {"v3"}}
    days(200)
    run(store, policy)
    assert_files(store, staging)
    assert not make_plan(store, policy).changes
    # When that site is gone, somebody has to say so.
    assert run(store, replace(policy, forget=frozenset({"staging.test"}))).retired == ("v1",)
    assert read_notes(names(store)) == {"shop.test": {"v3"}}


def test_a_site_that_uses_more_than_it_has_deployed_is_noted(store: Store, releases: dict[str, Package]) -> None:
    assert releases
    policy = Policy(used_by="shop.test", in_use=frozenset({"v1", "v3"}))
    assert make_plan(store, policy).changes
    run(store, policy)
    assert read_notes(names(store)) == {"shop.test": {"v1", "v3"}}
    assert not make_plan(store, policy).changes


@pytest.mark.parametrize("broken", ["v1", "v3"])
def test_a_record_that_cannot_be_read_stops_it(store: Store, releases: dict[str, Package], broken: str) -> None:
    """Whether it would have been kept or not."""
    assert releases
    store.put(f".releases/{broken}.json", b'{"schema": 9}', JSON)
    before = names(store)
    with pytest.raises(TrundleError, match=r"1 of 3 records cannot be read.*schema 9 is not known here") as error:
        run(store, STRICT)
    assert len(error.value.details["problems"]) == 1
    assert names(store) == before


def test_a_record_under_another_name_stops_it(store: Store, releases: dict[str, Package]) -> None:
    store.put(".releases/v9.json", releases["v1"].record_bytes, JSON)
    with pytest.raises(TrundleError, match=r"v9\.json is the record of release 'v1'"):
        run(store, STRICT)


def test_a_release_in_use_without_a_record_stops_it(store: Store, releases: dict[str, Package]) -> None:
    assert releases
    write_note(store, "staging.test", "v7")
    before = names(store)
    policy = replace(STRICT, in_use=frozenset({"v3", "v8"}))
    with pytest.raises(TrundleError, match=r"2 releases are in use.*'v7' \(by staging.test\); 'v8' \(by your hosts\)"):
        run(store, policy)
    assert names(store) == before
    assert run(store, replace(policy, allow_unpublished=True)).retired == ("v1", "v2")


def test_f6_a_neighbour_is_not_touched(place: Any, releases: dict[str, Package], make_release: Any, days: Any) -> None:
    neighbour = place("-old")
    assert releases
    left = published(neighbour, make_release, "v1")
    neighbour.put("js/left.0123456789ab.js", b"left", JSON)
    before = names(neighbour)
    for number in (100, 200):
        days(number)
        run(place(), replace(STRICT, unknown="all"))
    assert names(neighbour) == before
    assert_files(neighbour, left)


def test_locks_and_what_else_is_beside_the_records_stay(store: Store, releases: dict[str, Package], days: Any) -> None:
    assert releases
    others = {".releases/locks/shop.test.json", ".releases/note.txt", note_key("other.test", "v3")}
    for name in others:
        store.put(name, b"{}", JSON)
    for number in (100, 200):
        days(number)
        run(store, replace(STRICT, unknown="all"))
    assert others < names(store)


# Left by an upload that was cut off; put there by somebody else.
LEFT, PHOTO = "js/left.aaaaaaaaaaaa.js.gz", "media/photo.jpg"


@pytest.mark.parametrize(("unknown", "gone"), [("hashed", {LEFT}), ("all", {LEFT, PHOTO}), ("none", set())])
def test_what_no_release_is_known_to_have_had(store: Store, days: Any, unknown: Any, gone: set[str]) -> None:
    policy = Policy(unknown=unknown)
    for name in (LEFT, PHOTO):
        store.put(name, b"12345", JSON)
    first = run(store, policy)
    assert (set(first.waiting), first.foreign) == (gone, Amount(2 - len(gone), 10 - 5 * len(gone)))
    days(8)
    run(store, policy)
    assert names(store) == {LEFT, PHOTO} - gone


def test_a_manifest_that_a_cut_off_publish_left_goes_too(store: Store, days: Any) -> None:
    name = f".releases/manifests/{'a' * 64}.json"
    store.put(name, b"{}", JSON)
    run(store, Policy(unknown="none"))
    days(8)
    assert set(run(store, Policy(unknown="none")).deleted) == {name}
    assert names(store) == set()


def test_a_name_that_cannot_be_deleted_is_foreign(s3: Any, days: Any) -> None:
    """Others may put keys such as a//b into a bucket."""
    store = open_store(s3.url, StoreOptions.from_params(s3.params))
    put_oddly(s3, "odd//app.0123456789ab.js")
    days(8)
    plan = run(store, Policy(unknown="all", grace_days=0))
    assert (plan.foreign, plan.deleted) == (Amount(1, 3), {})


def put_oddly(s3: Any, name: str) -> None:
    import boto3

    keys = {"aws_access_key_id": s3.state["access_key"], "aws_secret_access_key": s3.state["secret_key"]}
    client = boto3.client("s3", endpoint_url=s3.state["endpoint_url"], region_name="us-east-1", **keys)
    client.put_object(Bucket=s3.state["bucket"], Key=f"{s3.prefix}/{name}", Body=b"odd")


def test_many_files_go_by_one_request(s3: Any, days: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params(s3.params))
    for number in range(40):
        store.put(f"a.{number:012x}.js", b"a", JSON)
    run(store, Policy())
    days(8)
    s3.control()
    run(store, Policy())
    assert len([method for method, _name in s3.requests() if method == "POST"]) == 1
    assert s3.requests("DELETE") == []
    assert names(store) == set()


def test_a_plan_changes_nothing(s3: Any, make_release: Any, days: Any) -> None:
    store = open_store(s3.url, StoreOptions.from_params(s3.params))
    for name in OWN:
        published(store, make_release, name)
    days(100)
    s3.control()
    plan = make_plan(store, replace(STRICT, grace_days=0))
    assert (plan.retired, len(plan.deleted)) == (("v1", "v2"), 4)
    assert plan.bytes == sum(plan.deleted.values()) + sum(plan.record_sizes[name] for name in plan.retired)
    assert s3.requests("PUT", "POST", "DELETE") == []


def test_a_file_that_is_uploaded_again_waits_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uploads it is about to refer to it."""
    old = unreferenced.now() - timedelta(days=8)
    monkeypatch.setattr(retire_plan, "now", lambda: old)
    store.put(LEFT, b"12345", JSON)
    run(store, Policy())
    assert unreferenced.read_marks(store).since == {LEFT: old}
    monkeypatch.setattr(retire_plan, "now", unreferenced.now)
    assert set(run(store, Policy()).waiting) == {LEFT}


def test_a_file_that_is_referred_to_again_loses_its_mark(
    store: Store, releases: dict[str, Package], make_release: Any, days: Any
) -> None:
    run(store, replace(STRICT, keep=2))
    assert OWN["v1"] in unreferenced.read_marks(store).since
    assert releases
    published(store, make_release, "v1")
    days(8)
    assert OWN["v1"] not in run(store, Policy(keep=3)).marks.since
    assert unreferenced.read_marks(store).since == {}


def test_the_grace_period_begins_when_the_record_goes(
    store: Store, releases: dict[str, Package], days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was cut off before its first deletion has retired nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(retire_module, "_delete", cut_off)
        with pytest.raises(KeyboardInterrupt):
            run(store, STRICT)
    assert OWN["v1"] in unreferenced.read_marks(store).since
    days(8)
    plan = run(store, STRICT)
    assert (plan.retired, plan.deleted) == (("v1", "v2"), {})
    assert names(store) > of(releases["v1"], releases["v2"]) - {".releases/v1.json", ".releases/v2.json"}


def cut_off(*_arguments: Any) -> None:
    raise KeyboardInterrupt


def test_what_a_run_that_was_cut_off_had_retired_is_still_known(
    store: Store, releases: dict[str, Package], days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its records are gone; that the files belonged to a release is written down, whatever their names."""
    store.put("robots.txt", b"Allow", JSON)
    assert releases
    write = retire_module.write_marks
    days(100)
    run(store, replace(STRICT, keep=3))
    with monkeypatch.context() as patch:
        written: list[Any] = []
        patch.setattr(
            retire_module,
            "write_marks",
            lambda *given: write(*given) if not written.append(given) and len(written) == 1 else cut_off(),
        )
        policy = Policy(keep=1, keep_days=0, grace_days=0, unknown="none")
        with pytest.raises(KeyboardInterrupt):
            run(store, policy)
    assert make_plan(store, policy).foreign == Amount(0, 0)
    run(store, policy)
    assert names(store) == of(releases["v3"])


def test_a_later_marking_than_the_one_that_was_read_is_not_written_over(store: Store) -> None:
    marks = unreferenced.read_marks(store)
    unreferenced.write_marks(store, marks)
    with pytest.raises(TrundleError, match="at the same time; run again"):
        unreferenced.write_marks(store, replace(marks, since={"a": unreferenced.now()}))


@pytest.mark.parametrize("name", [unreferenced.MARKS, sweep.SWEEP])
def test_what_a_newer_version_has_written_is_refused(
    store: Store, releases: dict[str, Package], name: str, days: Any
) -> None:
    assert releases
    days(100)
    store.put(name, b'{"schema": 2}', JSON)
    before = names(store)
    with pytest.raises(TrundleError, match=r"is not known here: a newer trundle\.django may have written it"):
        run(store, STRICT)
    assert names(store) == before
