# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.forms import Media
from django.template import engines
from django.templatetags.static import static

from trundle.errors import ReleaseError, UnknownNameError
from trundle.storage import ReleaseStaticFilesStorage

from conftest import PATHS, Folder

CDN = "https://cdn.example.com/static/"
BACKEND = "trundle.storage.ReleaseStaticFilesStorage"


STOCK = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


class TestServing:
    def test_static_tag_function_media_and_jinja(self, released: Folder) -> None:
        expected = CDN + PATHS["css/app.css"]
        assert static("css/app.css") == expected
        assert staticfiles_storage.url("css/app.css") == expected
        assert expected in str(Media(css={"all": ["css/app.css"]}))
        django = engines["django"].from_string("{% load static %}{% static 'css/app.css' %}")
        assert django.render() == expected
        assert engines["jinja2"].from_string("{{ static('css/app.css') }}").render() == expected

    def test_the_manifest_option(self, folder: Folder, use_storage) -> None:
        folder.write()
        use_storage(BACKEND, manifest=str(folder.manifest))
        assert static("css/app.css") == CDN + PATHS["css/app.css"]

    @pytest.mark.parametrize(
        "name",
        [
            "css/app.css",
            "css/app.css?x=1",
            "css/app.css#top",
            "css/app.css?#fix",
            "img/a%20b.svg",
            "img/a b.svg",
            " css/app.css",
            "img/",
            "img",
        ],
    )
    def test_same_urls_as_the_stock_storage(self, released: Folder, name: str) -> None:
        stock = ManifestStaticFilesStorage(base_url=CDN, manifest_storage=FileSystemStorage(released.path))
        try:
            expected = stock.url(name)
        except ValueError:
            with pytest.raises(UnknownNameError):
                ReleaseStaticFilesStorage().url(name)
        else:
            assert ReleaseStaticFilesStorage().url(name) == expected

    @pytest.mark.parametrize(
        "base", [CDN, "/", "/static/", "/st atic/", "https://cdn.example.com/a%20b/", "//cdn.example.com/s/", "/../s/"]
    )
    def test_the_short_way_gives_djangos_urls(self, folder: Folder, configure, base: str) -> None:
        class Long(ReleaseStaticFilesStorage):
            url = ManifestStaticFilesStorage.url

        names = ["css/app.css", "img/a b.svg", "js/café.js", ".well/known.js", "a/.b/c"]
        names += ["a/./c", "a/../b", "a//b", "/a"]
        folder.write(paths={name: f"{name}.1" for name in names}, static_url=base)
        options = {"manifest": folder.manifest, "strict": False}
        short, long = ReleaseStaticFilesStorage(**options), Long(**options)
        names += ["./no.css", "no/../no.css", "no//no.css", "../no.css", "/no.css", "no/", "css/app.css?x", "a%20b"]
        assert [short.url(name) for name in names] == [long.url(name) for name in names]
        configure(DEBUG=True)
        assert [short.url(name) for name in names] == [long.url(name) for name in names]

    def test_the_stock_storage_reads_the_same_file(self, released: Folder, use_storage) -> None:
        use_storage(STOCK, manifest_storage=FileSystemStorage(location=released.path))
        assert static("css/app.css") == "/static/" + PATHS["css/app.css"]

    def test_f3_releases_side_by_side_each_read_their_own_manifest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One asset store, two processes on one host, each started for its own release."""
        pages = {}
        processes = {}
        for release in ("v1", "v2"):
            folder = Folder(tmp_path / "releases" / release)
            folder.write(release, {"css/app.css": f"css/app.{release}.css"})
            monkeypatch.setenv("TRUNDLE_RELEASE", release)
            monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(folder.path))
            processes[release] = ReleaseStaticFilesStorage()
        for release, storage in processes.items():
            pages[release] = storage.url("css/app.css")
            assert storage.release is not None
            assert storage.release.id == release
        assert pages == {"v1": f"{CDN}css/app.v1.css", "v2": f"{CDN}css/app.v2.css"}

    def test_f3_a_manifest_of_another_release_is_refused(self, tmp_path: Path) -> None:
        """What a shared folder would do: the manifest of v2 comes to lie beside the record of v1."""
        old, new = Folder(tmp_path / "v1"), Folder(tmp_path / "v2")
        old.write("v1")
        new.write("v2", {"css/app.css": "css/app.v2.css"})
        old.manifest.write_bytes(new.manifest.read_bytes())
        with pytest.raises(ReleaseError, match="a manifest is never shared by releases"):
            ReleaseStaticFilesStorage(manifest=old.manifest).url("css/app.css")


class TestBaseUrl:
    def test_of_the_record_gets_its_slash(self, folder: Folder) -> None:
        folder.write(static_url="https://cdn.example.com/s")
        storage = ReleaseStaticFilesStorage(manifest=folder.manifest)
        assert storage.base_url == "https://cdn.example.com/s/"
        assert storage.url("css/app.css") == "https://cdn.example.com/s/" + PATHS["css/app.css"]

    def test_given_wins(self, folder: Folder) -> None:
        folder.write()
        storage = ReleaseStaticFilesStorage(manifest=folder.manifest, base_url="https://other.example.com")
        assert storage.url("css/app.css") == "https://other.example.com/" + PATHS["css/app.css"]

    def test_without_a_record_is_the_setting(self, folder: Folder) -> None:
        folder.write()
        folder.record.unlink()
        storage = ReleaseStaticFilesStorage(manifest=folder.manifest)
        assert storage.url("css/app.css") == "/static/" + PATHS["css/app.css"]


class TestNames:
    def test_an_unknown_name_is_an_error(self, released: Folder) -> None:
        with pytest.raises(UnknownNameError, match="'no.css' is not in .* of release v1. Correct"):
            static("no.css?x")

    def test_it_is_the_error_that_djangos_storage_raises_too(self, released: Folder) -> None:
        released.record.unlink()
        with pytest.raises(ValueError, match="of release v1"):
            static("no.css")

    def test_without_a_release_id(self, folder: Folder) -> None:
        folder.write()
        folder.record.unlink()
        with pytest.raises(UnknownNameError, match="of release without an id"):
            ReleaseStaticFilesStorage(manifest=folder.manifest).url("no.css")

    def test_lenient_keeps_it_and_says_so(
        self, released: Folder, use_storage, caplog: pytest.LogCaptureFixture
    ) -> None:
        use_storage(BACKEND, strict=False)
        assert static("no.css?x#y") == CDN + "no.css?x#y"
        assert "'no.css' is not in the static files manifest" in caplog.text
        assert caplog.records[0].levelno == logging.WARNING
        assert static("css/app.css") == CDN + PATHS["css/app.css"]

    def test_djangos_own_attribute_for_leniency(self, released: Folder) -> None:
        class Lenient(ReleaseStaticFilesStorage):
            manifest_strict = False

        assert Lenient().url("no.css") == CDN + "no.css"
        with pytest.raises(UnknownNameError):
            Lenient(strict=True).url("no.css")


class TestDevelopment:
    def test_no_release_serves_sources(self) -> None:
        assert static("css/app.css") == "/static/css/app.css"
        assert ReleaseStaticFilesStorage().release is None

    def test_debug_serves_sources_even_beside_a_release(self, released: Folder, configure) -> None:
        configure(DEBUG=True)
        assert static("css/app.css") == "/static/css/app.css"
        assert static("not/in/the/manifest.css") == "/static/not/in/the/manifest.css"

    def test_debug_does_not_mind_a_broken_release(self, released: Folder, configure) -> None:
        released.manifest.write_text("{")
        configure(DEBUG=True)
        assert static("css/app.css") == "/static/css/app.css"

    def test_findstatic(self, released: Folder) -> None:
        out = StringIO()
        call_command("findstatic", "css/app.css", stdout=out)
        assert str(Path("site", "css", "app.css")) in out.getvalue()


class TestBrokenRelease:
    def test_each_url_says_what_to_do(self, released: Folder) -> None:
        released.manifest.unlink()
        for _turn in range(2):
            with pytest.raises(ReleaseError, match="There is no static files manifest at .*set TRUNDLE_RELEASE_DIR"):
                static("css/app.css")

    def test_a_wrong_id_in_the_environment(self, released: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_RELEASE", "../v1")
        with pytest.raises(ReleaseError, match="is no release id"):
            static("css/app.css")


class TestPreload:
    def test_reads_at_start(self, released: Folder, use_storage) -> None:
        use_storage(BACKEND, preload=True)
        apps.get_app_config("trundle").ready()
        released.manifest.unlink()
        assert static("css/app.css") == CDN + PATHS["css/app.css"]

    def test_otherwise_at_the_first_url(self, released: Folder) -> None:
        apps.get_app_config("trundle").ready()
        released.manifest.unlink()
        with pytest.raises(ReleaseError):
            static("css/app.css")


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def collect(configure, use_storage) -> Callable[..., dict[str, bytes]]:
    def run(backend: str, root: Path, **options: Any) -> dict[str, bytes]:
        configure(STATIC_ROOT=str(root))
        use_storage(backend)
        call_command("collectstatic", interactive=False, verbosity=0, **options)
        return tree(root)

    return run


class TestCollecting:
    def test_gives_exactly_djangos_files(self, collect, tmp_path: Path) -> None:
        stock = collect(STOCK, tmp_path / "stock")
        assert collect(BACKEND, tmp_path / "ours") == stock
        assert any(name.startswith("css/app.") and name != "css/app.css" for name in stock)
        assert "staticfiles.json" in stock

    @pytest.mark.parametrize("broken", [False, True], ids=["another", "broken"])
    def test_a_release_beside_the_project_changes_nothing(
        self, collect, tmp_path: Path, released: Folder, broken: bool
    ) -> None:
        """Its names are old, and its URL is not the one that references are written against."""
        if broken:
            released.manifest.write_text("{")
        before = tree(released.path)
        stock = collect(STOCK, tmp_path / "stock")
        assert collect(BACKEND, tmp_path / "ours") == stock
        assert tree(released.path) == before

    def test_afterwards_it_answers_for_what_it_collected(self, collect, tmp_path: Path, released: Folder) -> None:
        collect(BACKEND, tmp_path / "ours")
        url = static("css/base.css")
        assert re.fullmatch(r"/static/css/base\.[0-9a-f]{12}\.css", url)
        assert (tmp_path / "ours" / url[len("/static/") :]).exists()
        assert staticfiles_storage.release is None

    def test_dry_run_writes_nothing(self, collect, tmp_path: Path) -> None:
        assert collect(BACKEND, tmp_path / "ours", dry_run=True) == {}

    def test_under_a_mixin_with_a_folder_of_its_own(self, tmp_path: Path, collect, released: Folder) -> None:
        """How a tool collects that keeps the project's storage: its own class in front, its own location."""

        class Local:
            seen: list[str] = []

            def post_process(self, paths: Any, **options: Any) -> Iterator[Any]:
                for result in super().post_process(paths, **options):  # type: ignore[misc]  # the base is made by a call
                    self.seen.append(result[0])
                    yield result

        stock = collect(STOCK, tmp_path / "stock")
        worker = type("Worker", (Local, ReleaseStaticFilesStorage), {})(location=str(tmp_path / "ours"))
        found = {path: (storage, path) for finder in get_finders() for path, storage in finder.list([])}
        for path, (storage, _path) in found.items():
            with storage.open(path) as source:
                worker.save(path, source)
        for _path, _hashed, processed in worker.post_process(found):
            assert not isinstance(processed, Exception)
        assert tree(tmp_path / "ours") == stock
        assert sorted(worker.seen) == sorted(found)
