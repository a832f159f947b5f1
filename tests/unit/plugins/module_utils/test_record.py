# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.trundle.django.plugins.module_utils import manifest, record
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.record import FileEntry, Record

GOLDEN = Path(__file__).parents[3] / "golden"
RECORD = GOLDEN / "release-v1.json"
MANIFEST = GOLDEN / "staticfiles-v1.json"


@pytest.fixture(name="golden")
def golden_record() -> Record:
    return record.parse(RECORD.read_bytes())


def test_golden_record_is_read_and_written_byte_for_byte(golden: Record) -> None:
    assert golden.release == "v1"
    assert golden.files["css/app.5b2858c9440c.css.gz"].content_encoding == "gzip"
    assert record.dumps(golden) == RECORD.read_bytes()


def test_golden_record_belongs_to_the_golden_manifest(golden: Record) -> None:
    record.check_manifest(golden, MANIFEST.read_bytes())
    assert golden.manifest == manifest.parse(MANIFEST.read_bytes())


def test_manifest_of_other_bytes_is_refused(golden: Record) -> None:
    with pytest.raises(TrundleError, match="does not belong to release 'v1'"):
        record.check_manifest(golden, MANIFEST.read_bytes() + b"\n")


@pytest.mark.parametrize("release", ["v1", "1", "v1.2.3+build_7-rc.1", "a" * 64])
def test_valid_release_ids(release: str) -> None:
    assert record.check_release_id(release) == release


@pytest.mark.parametrize("release", ["", "-v1", ".v1", "v1/2", "../v1", "v 1", "v1\n", "é", "a" * 65, None, 1])
def test_invalid_release_ids(release: Any) -> None:
    with pytest.raises(TrundleError, match="is not valid"):
        record.check_release_id(release)


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        for name in path[:-1]:
            document = document[name]
        document[path[-1]] = value

    return change


def _drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.pop(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema", value=2), "schema 2 is not known here"),
        (_set("schema", value=True), "schema True is not known here"),
        (_drop("schema"), "schema None is not known"),
        (_drop("files"), "lacks files"),
        (_set("extra", value=1), "unknown field extra"),
        (_set("release", value="a/b"), "release id"),
        (_set("created", value="yesterday"), "created"),
        (_set("source", value={"revision": 1, "dirty": None}), "revision"),
        (_set("django", value=""), "django"),
        (_set("layout", value="flat"), "layout 'flat'"),
        (_set("static_url", value="/static"), "does not end with a slash"),
        (_set("manifest", "sha256", value="x"), "manifest.sha256"),
        (_set("manifest", "paths", value=[]), "not an object of names"),
        (_set("manifest", "paths", value={"a.css": "../b.css"}), "not a relative file name"),
        (_set("manifest", "paths", value={"/a.css": "a.css"}), "not a relative file name"),
        (_set("manifest", "paths", value={"a.css": "a.0123456789ab.css"}), "not among the files"),
        (_set("files", value=[]), "files is not an object"),
        (_set("files", "x//y", value={}), "not a relative file name"),
        (_set("files", "robots.txt", "size", value=-1), "size of 'robots.txt'"),
        (_set("files", "robots.txt", "size", value=True), "size of 'robots.txt'"),
        (_set("files", "robots.txt", "sha256", value="A" * 64), "sha256 of 'robots.txt'"),
        (_set("files", "robots.txt", "content_type", value=None), "content_type of 'robots.txt'"),
        (_set("files", "robots.txt", "content_encoding", value=""), "content_encoding of 'robots.txt'"),
    ],
)
def test_bad_records_are_refused_with_the_cause(change: Callable[[dict[str, Any]], None], message: str) -> None:
    document = json.loads(RECORD.read_bytes())
    change(document)
    with pytest.raises(TrundleError, match=message):
        record.parse(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(TrundleError, match="Failed to read the release record"):
        record.parse(data)


def test_the_versioned_layout_may_have_other_keys_than_names(golden: Record) -> None:
    versioned = replace(golden, layout="versioned", files={f"v1/{key}": entry for key, entry in golden.files.items()})
    assert record.parse(record.dumps(versioned)) == versioned


def test_same_content_ignores_when_it_was_built(golden: Record) -> None:
    other = replace(golden, created="2030-01-01T00:00:00Z", source=record.Source(), django="6.1")
    assert record.same_content(golden, other)
    assert record.differences(golden, other) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (("a1", False), ("a1", False), True),
        (("a1", None), ("a1", False), True),
        (("a1", None), ("b2", None), False),
        (("a1", False), ("b2", False), False),
        (("a1", True), ("b2", False), True),
        (("a1", False), ("b2", True), True),
        ((None, None), ("b2", False), True),
    ],
    ids=["equal", "equal, cleanness unknown", "other", "other, clean", "we are dirty", "they are dirty", "unknown"],
)
def test_f9_the_same_files_of_another_commit_are_another_content(
    golden: Record, ours: tuple[str, bool], theirs: tuple[str, bool], same: bool
) -> None:
    old, new = (replace(golden, source=record.Source(*source)) for source in (ours, theirs))
    assert record.same_content(old, new) is same
    assert record.differences(old, new) == ([] if same else ["revision: 'a1' -> 'b2'"])


def test_f9_other_content_is_told_with_the_first_differences(golden: Record) -> None:
    entry = golden.files["robots.txt"]
    files = {key: value for key, value in golden.files.items() if not key.startswith("img/")}
    files["robots.txt"] = replace(entry, size=entry.size + 1)
    files["new.txt"] = FileEntry(1, "0" * 64, "text/plain", "no-cache")
    other = replace(golden, static_url="/static/", files=files)

    assert not record.same_content(golden, other)
    assert record.differences(golden, other) == [
        "static_url: 'https://cdn.example.com/static/' -> '/static/'",
        "img/logo.923b19bff9ea.svg: only in the first",
        "new.txt: only in the second",
        f"robots.txt: size {entry.size} -> {entry.size + 1}",
    ]
    assert len(record.differences(golden, other, limit=2)) == 2
