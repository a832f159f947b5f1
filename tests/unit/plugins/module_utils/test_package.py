# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.package import load_package

APP = "css/app.0123456789ab.css"
FILES = {
    "css/app.css": (APP, b"body{}"),
    "js/app.js": ("js/app.ba9876543210.js", b"run()"),
    "robots.txt": ("robots.txt", b"Allow"),
}
VARIANT = {APP + ".gz": b"gzipped"}


def test_local_files_of_other_sizes_are_told(make_release: Any) -> None:
    src = make_release("v1", FILES)
    (src / "static" / APP).write_bytes(b"other size")
    (src / "static" / "robots.txt").unlink()
    with pytest.raises(TrundleError, match="not those of the record") as caught:
        load_package(str(src))
    assert caught.value.details["problems"] == [f"{APP}: 10 bytes where the record says 6", "robots.txt: missing"]


def test_a_manifest_of_another_build_is_refused(make_release: Any) -> None:
    src = make_release("v1", FILES)
    (src / "staticfiles.json").write_text("{}")
    with pytest.raises(TrundleError, match="manifest does not belong to release 'v1'"):
        load_package(str(src))


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match=r"release\.json does not exist; give the folder"):
        load_package(str(tmp_path))


def test_another_release_than_expected_is_refused(make_release: Any) -> None:
    with pytest.raises(TrundleError, match="the record of release 'v1', not of 'v2'"):
        load_package(str(make_release("v1", FILES)), release="v2")


def test_an_asset_may_not_take_the_place_of_a_record(make_release: Any) -> None:
    src = make_release("v1", {"x.json": (".releases/v2.json", b"{}")})
    with pytest.raises(TrundleError, match="this name is kept for release records"):
        load_package(str(src))


def test_variants_of_hashed_files_are_immutable(make_release: Any) -> None:
    package = load_package(str(make_release("v1", FILES, {**VARIANT, "robots.txt.gz": b"z"})))
    assert package.immutable == {APP, APP + ".gz", "js/app.ba9876543210.js"}


@pytest.mark.parametrize(
    "metadata",
    [{"Content-Type": "x"}, {"cache-control": "x"}, {"a": ""}, {"a": "ü"}, {"a": "x\n"}, {"1": "x"}, {"a_b": "x"}],
)
def test_metadata_that_no_store_keeps_is_refused(make_release: Any, metadata: dict[str, str]) -> None:
    with pytest.raises(TrundleError, match="is not valid: a name has lower-case letters"):
        load_package(str(make_release("v1", FILES)), metadata=metadata)


def test_metadata_goes_with_each_file(make_release: Any) -> None:
    package = load_package(str(make_release("v1", FILES)), metadata={"team": "web 1"})
    assert package.headers(APP) == {
        "team": "web 1",
        "Content-Type": "text/css",
        "Cache-Control": "public, max-age=31536000, immutable",
    }
