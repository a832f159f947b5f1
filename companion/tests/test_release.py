# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import json
from pathlib import Path

import pytest

from trundle.errors import ReleaseError
from trundle.release import env_release_id, find_manifest, load_release

from conftest import GOLDEN, PATHS, Folder


@pytest.mark.parametrize("value", ["v1.2.3", "a" * 64, "1_a+b-c"])
def test_release_id_from_the_environment(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TRUNDLE_RELEASE", value)
    assert env_release_id() == value


@pytest.mark.parametrize("value", ["a/b", "-a", "a" * 65, "a\nb", "a\n", "é"])
def test_a_wrong_release_id_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TRUNDLE_RELEASE", value)
    with pytest.raises(ReleaseError, match="which is no release id. Use up to 64 letters"):
        env_release_id()


class TestFind:
    def test_nothing_set_is_no_release(self) -> None:
        assert find_manifest() is None

    def test_the_option_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_RELEASE_DIR", "/other")
        assert find_manifest("/here/names.json") == Path("/here/names.json")

    def test_the_folder_of_the_release(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_RELEASE_DIR", "/srv/shop/releases/v1")
        assert find_manifest() == Path("/srv/shop/releases/v1/staticfiles.json")

    def test_beside_the_project_when_it_is_there(self, configure, tmp_path: Path) -> None:
        configure(BASE_DIR=tmp_path)
        assert find_manifest() is None
        (tmp_path / "staticfiles.json").touch()
        assert find_manifest() == tmp_path / "staticfiles.json"

    def test_a_process_of_a_release_must_have_it_beside_the_project(
        self, configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configure(BASE_DIR=str(tmp_path))
        monkeypatch.setenv("TRUNDLE_RELEASE", "v1")
        assert find_manifest() == tmp_path / "staticfiles.json"

    def test_a_process_of_a_release_that_is_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_RELEASE", "v1")
        with pytest.raises(ReleaseError, match="Set TRUNDLE_RELEASE_DIR to its folder"):
            find_manifest()


class TestLoad:
    @pytest.mark.parametrize("indent", [1, None, 4], ids=["as-written", "one-line", "other-layout"])
    def test_manifest_and_record(self, folder: Folder, indent: int | None) -> None:
        folder.write("v1", indent=indent)
        release = load_release(folder.manifest)
        assert (release.id, release.static_url, release.hash) == ("v1", "https://cdn.example.com/static/", "abc")
        assert release.paths == PATHS
        assert release.sha256 == json.loads(folder.record.read_text())["manifest"]["sha256"]

    def test_without_a_record(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.write()
        folder.record.unlink()
        release = load_release(folder.manifest)
        assert (release.id, release.static_url, release.paths) == (None, None, PATHS)
        monkeypatch.setenv("TRUNDLE_RELEASE", "v7")
        assert load_release(folder.manifest).id == "v7"

    def test_missing_manifest(self, folder: Folder) -> None:
        with pytest.raises(ReleaseError, match="There is no static files manifest at .*Put the release's staticfiles"):
            load_release(folder.manifest)

    def test_manifest_that_is_no_file(self, folder: Folder) -> None:
        folder.manifest.mkdir(parents=True)
        with pytest.raises(ReleaseError, match="Failed to read the manifest .*: Is a directory. It must be a file"):
            load_release(folder.manifest)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "is not valid JSON"),
            ("\xff", "is not valid JSON"),
            ("[]", "is not a JSON object"),
            ('{"version": "2.0", "paths": {}}', "version '2.0'; known are 1.0, 1.1. Upgrade django-trundle"),
            ('{"paths": {}}', "version None"),
            ('{"version": "1.1"}', "has no usable `paths`"),
            ('{"version": "1.0", "paths": {"a": 1}}', "has no usable `paths`"),
        ],
    )
    def test_a_manifest_that_is_not_understood(self, folder: Folder, text: str, message: str) -> None:
        folder.write()
        folder.manifest.write_text(text, encoding="latin-1")
        with pytest.raises(ReleaseError, match=message):
            load_release(folder.manifest)

    @pytest.mark.parametrize("indent", [1, None], ids=["as-written", "one-line"])
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"schema": 2}, "has schema 2; known is 1. Upgrade django-trundle"),
            ({"schema": True}, "has schema True"),
            ({"schema": "1"}, "has schema '1'"),
            ({"release": "a/b"}, "no valid release id"),
            ({"release": None}, "no valid release id"),
            ({"static_url": ""}, "has no static_url"),
            ({"static_url": 5}, "has no static_url"),
            ({"manifest": {"sha256": "0" * 64}}, "is not the one of release 'v1'"),
            ({"manifest": []}, "is not the one of release 'v1'"),
        ],
    )
    def test_a_record_that_is_not_understood(self, folder: Folder, change, message: str, indent) -> None:
        folder.write(indent=indent, **change)
        with pytest.raises(ReleaseError, match=message):
            load_release(folder.manifest)

    @pytest.mark.parametrize("text", ["{", "[]", '{\n "release": nothing\n}\n'])
    def test_a_record_that_is_not_json(self, folder: Folder, text: str) -> None:
        folder.write()
        folder.record.write_text(text)
        with pytest.raises(ReleaseError, match="The record .* is not"):
            load_release(folder.manifest)

    def test_files_with_the_names_of_fields_do_not_mislead(self, folder: Folder) -> None:
        names = {name: name for name in ("schema", "release", "static_url", "sha256", "manifest")}
        folder.write(paths=names)
        assert load_release(folder.manifest).id == "v1"

    def test_a_line_that_cannot_be_read_alone_is_read_with_the_others(self, folder: Folder) -> None:
        folder.write()
        folder.record.write_text(folder.record.read_text().replace('"release": "v1"', '"release":\n"v1"'))
        assert load_release(folder.manifest).id == "v1"
        folder.record.write_text(folder.record.read_text().replace('"release":\n"v1"', '"release": \n"v1"'))
        assert load_release(folder.manifest).id == "v1"

    def test_a_process_of_another_release(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.write("v1")
        monkeypatch.setenv("TRUNDLE_RELEASE", "v2")
        with pytest.raises(ReleaseError, match="TRUNDLE_RELEASE is 'v2', but .* belongs to release 'v1'"):
            load_release(folder.manifest)

    @pytest.mark.parametrize(("indent", "parsed"), [(1, False), (None, True)], ids=["as-written", "one-line"])
    def test_a_record_as_written_is_not_parsed_as_a_whole(
        self, folder: Folder, monkeypatch: pytest.MonkeyPatch, indent: int | None, parsed: bool
    ) -> None:
        """It names every file of the release: that would be most of the time that loading takes."""
        folder.write(indent=indent)
        seen: list[bytes] = []
        real = json.loads
        monkeypatch.setattr("trundle.release.json.loads", lambda raw: seen.append(raw) or real(raw))
        load_release(folder.manifest)
        assert (folder.record.read_bytes() in seen) is parsed


@pytest.mark.skipif(not GOLDEN.exists(), reason="not in a checkout of the whole repository")
def test_golden_files(tmp_path: Path) -> None:
    """What the collection writes is what we read: these files are its tests' too."""
    (tmp_path / "staticfiles.json").write_bytes((GOLDEN / "staticfiles-v1.json").read_bytes())
    (tmp_path / "release.json").write_bytes((GOLDEN / "release-v1.json").read_bytes())
    record = json.loads((GOLDEN / "release-v1.json").read_text())
    release = load_release(tmp_path / "staticfiles.json")
    assert (release.id, release.static_url) == (record["release"], record["static_url"])
    assert (release.sha256, release.paths) == (record["manifest"]["sha256"], record["manifest"]["paths"])
    assert release.hash == json.loads((GOLDEN / "staticfiles-v1.json").read_text())["hash"]
