# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import record, release_files
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import Manifest, sha256
from ansible_collections.trundle.django.plugins.module_utils.release_files import Pair

GOLDEN = Path(__file__).parents[3] / "golden"
RECORD = (GOLDEN / "release-v1.json").read_bytes()
MANIFEST = (GOLDEN / "staticfiles-v1.json").read_bytes()
OTHER = b'{"version": "1.1", "paths": {"robots.txt": "robots.txt"}}'


def pair_of(release: str, manifest_bytes: bytes = MANIFEST) -> Pair:
    found = record.parse(RECORD)
    paths = found.manifest.paths if manifest_bytes == MANIFEST else {"robots.txt": "robots.txt"}
    own = replace(found, release=release, manifest=Manifest(sha256(manifest_bytes), paths))
    return Pair(manifest=manifest_bytes, record=record.dumps(own))


def test_f3_manifest_is_local_to_the_release(tmp_path: Path) -> None:
    """Two releases side by side: each keeps its own names, and the one's manifest is refused for the other."""
    for release, data in (("v1", MANIFEST), ("v2", OTHER)):
        (tmp_path / release).mkdir()
        source = pair_of(release, data)
        pair, _found = release_files.checked(release, manifest_bytes=source.manifest, record_bytes=source.record)
        release_files.install(tmp_path / release, pair)
    assert (tmp_path / "v1" / "staticfiles.json").read_bytes() == MANIFEST
    assert (tmp_path / "v2" / "staticfiles.json").read_bytes() == OTHER

    with pytest.raises(TrundleError, match="that of release 'v1', not of 'v2'"):
        release_files.checked("v2", manifest_bytes=MANIFEST, record_bytes=RECORD)
    with pytest.raises(TrundleError, match="does not belong to release 'v1'"):
        release_files.checked("v1", manifest_bytes=OTHER, record_bytes=RECORD)


def test_names_in_the_record_are_those_of_the_manifest() -> None:
    found = record.parse(RECORD)
    wrong = replace(found, manifest=Manifest(found.manifest.sha256, {"robots.txt": "robots.txt"}))
    with pytest.raises(TrundleError, match="are not those of its manifest"):
        release_files.checked("v1", manifest_bytes=MANIFEST, record_bytes=record.dumps(wrong))


def test_a_record_without_its_last_newline_is_the_same() -> None:
    pair, _found = release_files.checked("v1", manifest_bytes=MANIFEST, record_bytes=RECORD.rstrip())
    assert pair.record == RECORD


def test_the_record_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the run is cut off between the two, the folder is not taken for whole."""
    release_files.install(tmp_path, pair_of("v1"))
    write = release_files.atomic_write

    def cut_off(path: Path, data: bytes, **options: Any) -> None:
        if path.name == "release.json":
            raise KeyboardInterrupt
        write(path, data, **options)

    monkeypatch.setattr(release_files, "atomic_write", cut_off)
    with pytest.raises(KeyboardInterrupt):
        release_files.install(tmp_path, pair_of("v1", OTHER))
    assert [path.name for path in tmp_path.iterdir()] == ["staticfiles.json"]
    assert release_files.present(tmp_path) is None


def test_a_release_that_is_not_staged_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match="stage the release's code first"):
        release_files.install(tmp_path / "none", pair_of("v1"))


def test_f9_same_id_other_content_is_refused_on_the_host(tmp_path: Path) -> None:
    release_files.install(tmp_path, pair_of("v1"))
    old = release_files.present(tmp_path)
    release_files.check_replaceable(old, record.parse(RECORD))
    with pytest.raises(TrundleError, match=r"with another content \(manifest sha256") as caught:
        release_files.check_replaceable(old, record.parse(pair_of("v1", OTHER).record))
    assert caught.value.details["differences"]
    release_files.check_replaceable(Pair(manifest=b"", record=b"broken"), record.parse(RECORD))


def test_the_same_package_recorded_at_another_time_is_the_same() -> None:
    old = pair_of("v1")
    later = replace(record.parse(old.record), created="2030-01-01T00:00:00Z")
    assert release_files.is_same(old, Pair(old.manifest, record.dumps(later)))
    assert not release_files.is_same(old, pair_of("v1", OTHER))
    assert not release_files.is_same(Pair(old.manifest, b"broken"), old)


def test_from_a_folder_and_from_a_url(tmp_path: Path) -> None:
    release_files.install(tmp_path, pair_of("v1"))
    assert release_files.from_folder(tmp_path) == (MANIFEST, RECORD)
    (tmp_path / "release.json").unlink()
    with pytest.raises(TrundleError, match=r"There is no .*release\.json"):
        release_files.from_folder(tmp_path)

    seen: list[str] = []

    def fetch(url: str) -> bytes:
        seen.append(url)
        return RECORD

    release_files.from_url("https://cdn.example.com/static/", "v1+2", fetch)
    assert seen == [
        "https://cdn.example.com/static/.releases/v1%2B2.json",
        f"https://cdn.example.com/static/.releases/manifests/{hashlib.sha256(MANIFEST).hexdigest()}.json",
    ]
