# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collection of real projects, compared with what their own `manage.py collectstatic` makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.collect_result import counts
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.record import Source, parse
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks import collect, manage

STOCK = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"

TREE = {
    "css/app.css": '@import "base.css";\n.a { background: url("../img/a b.png?v=1#x") }\n.c { color: red }\n',
    "css/base.css": "@font-face { src: url('../fonts/f.woff2') }\n",
    "css/deep/er/x.css": "@import url(../../app.css);\n.b { background: url(/static/img/a%20b.png) }\n",
    "img/a b.png": "picture",
    "fonts/f.woff2": "font",
    "js/app.js": (
        "import { go } from './lib/mod.js';\nexport default import('./lib/lazy.js');\n//# sourceMappingURL=app.js.map\n"
    ),
    "js/app.js.map": "{}",
    "js/lib/mod.js": "export const go = 1;\n",
    "js/lib/lazy.js": "import './mod.js';\n",
    "empty.txt": "",
    "ünïcode.txt": "name",
    "js/big.js": "// worth compressing\n" * 100,
    ".hidden": "ignored",
    "backup.css~": "ignored",
}

OWN_STORAGE = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

class Own(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    keep_intermediate_files = True

    def __init__(self, *args, **kwargs):
        kwargs["location"] = "/nonexistent/never/used"
        kwargs["manifest_storage"] = FileSystemStorage(location="/nonexistent/never/used/either")
        super().__init__(*args, **kwargs)

    def file_hash(self, name, content=None):
        if name and name.endswith(".woff2"):
            return None
        full = super().file_hash(name, content)
        return full and full[:8]

class OwnLocal(Own):
    def __init__(self, *args, **kwargs):
        super(Own, self).__init__(*args, **kwargs)
"""

REMOTE_STORAGE = """
from django.contrib.staticfiles.storage import ManifestFilesMixin, StaticFilesStorage
from django.core.files.storage import Storage

class Remote(Storage):
    def __init__(self, bucket):
        raise AssertionError("the remote store was reached")

    def _fail(self, *args, **kwargs):
        raise AssertionError("the remote store was reached")

    _open = _save = delete = exists = listdir = size = url = get_modified_time = _fail

class Plain(Remote):
    pass

class Hashed(ManifestFilesMixin, Remote):
    max_post_process_passes = 9

    def __init__(self, bucket="b", **options):
        super().__init__(bucket=bucket, **options)

    def exists(self, name):
        raise AssertionError("the remote store was reached")

    def file_hash(self, name, content=None):
        return super().file_hash(name, content)[:6]

class Local(ManifestFilesMixin, StaticFilesStorage):
    def file_hash(self, name, content=None):
        return super().file_hash(name, content)[:6]
"""


def fill(site: Any, tree: dict[str, str] | None = None) -> None:
    for name, content in (tree or TREE).items():
        site.write(f"assets/{name}", content)


def options(site: Any, **changes: Any) -> Options:
    values: dict[str, Any] = {
        "project_path": site.folder,
        "python": str(site.python),
        "release": "v1",
        "dest": site.folder.parent / "out" / "v1",
    }
    return Options(**{**values, **changes})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def djangos_own(site: Any) -> tuple[dict[str, bytes], bytes]:
    """The files, without the originals of hashed ones, and the manifest that manage.py makes."""
    manage(site)
    files = contents(site.folder / "root")
    manifest = files.pop("staticfiles.json")
    paths = json.loads(manifest)["paths"]
    gone = {name for name in paths if name not in paths.values()}
    gone |= {name + extension for name in gone for extension in (".gz", ".br")} - set(paths.values())
    return {name: data for name, data in files.items() if name not in gone}, manifest


def assert_equal(collected: Collected, dest: Path, expected: tuple[dict[str, bytes], bytes]) -> None:
    assert contents(dest / "static") == expected[0]
    assert (dest / "staticfiles.json").read_bytes() == expected[1]
    assert sorted(contents(dest)) == sorted([*(f"static/{n}" for n in expected[0]), "release.json", "staticfiles.json"])
    assert sorted(collected.record.files) == sorted(expected[0])


class TestNamesAndBytesAreDjangos:
    def test_stock_manifest_storage(self, site: Any) -> None:
        fill(site)
        site.settings(site.admin)
        collected = collect(options(site))
        assert_equal(collected, site.folder.parent / "out" / "v1", djangos_own(site))
        assert not (site.folder / "root" / "v1").exists()
        assert collected.worker["storage"] == {"configured": STOCK, "used": STOCK, "reason": None, "path": "fast"}
        assert counts(collected)["collected"] == counts(collected)["hashed"] > 100
        record = parse((site.folder.parent / "out" / "v1" / "release.json").read_bytes())
        picture = record.files[record.manifest.paths["img/a b.png"]]
        assert (picture.content_type, picture.cache_control) == ("image/png", "public, max-age=31536000, immutable")
        assert record.static_url == "/static/"

    def test_own_subclass(self, site: Any) -> None:
        fill(site)
        site.write("own.py", OWN_STORAGE)
        site.storage("own.Own")
        collected = collect(options(site))
        site.storage("own.OwnLocal")
        assert_equal(collected, site.folder.parent / "out" / "v1", djangos_own(site))
        assert collected.record.files["fonts/f.woff2"].cache_control == "no-cache"
        assert (
            "import('./lib/lazy.js')"
            not in contents(site.folder.parent / "out")[
                f"v1/static/{collected.record.manifest.paths['js/app.js']}"
            ].decode()
        )

    def test_whitenoise(self, newest_site: Any) -> None:
        fill(newest_site)
        newest_site.storage("whitenoise.storage.CompressedManifestStaticFilesStorage")
        collected = collect(options(newest_site))
        assert_equal(collected, newest_site.folder.parent / "out" / "v1", djangos_own(newest_site))
        variant = collected.record.manifest.paths["js/big.js"] + ".br"
        assert collected.record.files[variant].content_encoding == "br"
        assert collected.record.files[variant].cache_control == "public, max-age=31536000, immutable"
        assert counts(collected)["variants"] == 4

    @pytest.mark.parametrize(
        ("configured", "equivalent"),
        [
            pytest.param(PLAIN, STOCK, id="plain"),
            pytest.param("storages.backends.s3.S3StaticStorage", STOCK, id="s3-plain"),
            pytest.param("storages.backends.s3.S3ManifestStaticStorage", STOCK, id="s3-manifest"),
            pytest.param("remote.Plain", STOCK, id="remote-plain"),
            pytest.param("remote.Hashed", "remote.Local", id="remote-own-hash"),
            pytest.param(
                "whitenoise.storage.CompressedStaticFilesStorage",
                "whitenoise.storage.CompressedManifestStaticFilesStorage",
                id="whitenoise-unhashed",
            ),
        ],
    )
    def test_other_storages_get_their_local_equivalent(
        self, newest_site: Any, configured: str, equivalent: str
    ) -> None:
        fill(newest_site)
        newest_site.write("remote.py", REMOTE_STORAGE)
        newest_site.storage(configured, **({"bucket": "b"} if configured == "remote.Hashed" else {}))
        collected = collect(options(newest_site))
        assert collected.worker["storage"]["configured"] == configured
        assert collected.worker["storage"]["reason"]
        newest_site.storage(equivalent)
        assert_equal(collected, newest_site.folder.parent / "out" / "v1", djangos_own(newest_site))

    # STATICFILES_STORAGE went with Django 5.1.
    @pytest.mark.parametrize("site", ["4.2"], indirect=True)
    def test_s3_manifest_in_the_old_setting(self, site: Any) -> None:
        fill(site)
        site.settings("del STORAGES", 'STATICFILES_STORAGE = "storages.backends.s3.S3ManifestStaticStorage"')
        collected = collect(options(site))
        assert collected.worker["storage"]["configured"] == "storages.backends.s3.S3ManifestStaticStorage"
        site.settings()
        assert_equal(collected, site.folder.parent / "out" / "v1", djangos_own(site))


class TestFinders:
    def test_the_first_finder_wins_and_duplicates_are_told(self, newest_site: Any) -> None:
        newest_site.settings(newest_site.admin)
        newest_site.assets(admin__css__base_css="mine { color: red }")
        collected = collect(options(newest_site))
        assert_equal(collected, newest_site.folder.parent / "out" / "v1", djangos_own(newest_site))
        (duplicate,) = collected.worker["duplicates"]
        assert duplicate["name"] == "admin/css/base.css"
        assert duplicate["used"] == str(newest_site.folder / "assets/admin/css/base.css")
        assert duplicate["ignored"].endswith("django/contrib/admin/static/admin/css/base.css")

    def test_ignore_patterns_add_to_djangos(self, newest_site: Any) -> None:
        fill(newest_site, {**TREE, "src/a.scss": "x", "CVS/Root": "x"})
        paths = collect(options(newest_site, ignore=["*.scss"])).record.manifest.paths
        assert "src/a.scss" not in paths
        assert not {".hidden", "backup.css~", "CVS/Root"} & set(paths)
        assert "css/app.css" in paths

    def test_a_prefix_of_staticfiles_dirs(self, newest_site: Any) -> None:
        newest_site.write("vendor/x.css", "a{}")
        newest_site.settings('STATICFILES_DIRS = [("lib", BASE_DIR / "vendor")]')
        assert "lib/x.css" in collect(options(newest_site)).record.manifest.paths

    def test_links_are_followed_as_django_does(self, newest_site: Any) -> None:
        fill(newest_site, TREE)
        newest_site.write("elsewhere/deep/x.css", "a { background: url(y.png) }")
        newest_site.write("elsewhere/deep/y.png", "y")
        assets = newest_site.folder / "assets"
        (assets / "linked").symlink_to("../elsewhere")
        (assets / "alias.css").symlink_to("../elsewhere/deep/x.css")
        (assets / "y.png").symlink_to(newest_site.folder / "elsewhere/deep/y.png")
        collected = collect(options(newest_site))
        assert_equal(collected, newest_site.folder.parent / "out" / "v1", djangos_own(newest_site))
        static = newest_site.folder.parent / "out" / "v1" / "static"
        assert {"linked/deep/x.css", "alias.css", "y.png"} <= set(collected.record.manifest.paths)
        assert not any(path.is_symlink() for path in static.rglob("*"))


MISSING_TREE = {
    "css/a.css": 'a {\n background: url("../img/none.png") }\nb { background: url(also/none.svg#x) }\n',
    "css/ok.css": "@import 'a.css';\n",
    "js/loader.js": "var a = 1;\n\n//# sourceMappingURL=../../min-maps/loader.js.map\n",
    "js/lib.js": "//# sourceMappingURL=lib.js.map\n",
}
MISSING = [
    {"file": "css/a.css", "line": 2, "reference": "../img/none.png"},
    {"file": "css/a.css", "line": 3, "reference": "also/none.svg#x"},
    {"file": "js/lib.js", "line": 1, "reference": "lib.js.map"},
    {"file": "js/loader.js", "line": 3, "reference": "../../min-maps/loader.js.map"},
]


class TestMissingReferences:
    def test_f10_missing_source_maps_are_all_listed_in_one_run(self, site: Any) -> None:
        fill(site, MISSING_TREE)
        with pytest.raises(TrundleError) as caught:
            collect(options(site))
        assert caught.value.details["missing_references"] == MISSING
        for item in MISSING:
            assert f"{item['file']}, line {item['line']}: {item['reference']}" in caught.value.message
        assert not (site.folder.parent / "out").exists()

    def test_f10_missing_source_map_stops_nothing_when_asked(self, site: Any) -> None:
        fill(site, MISSING_TREE)
        collected = collect(options(site, missing_references="warn"))
        assert collected.worker["missing_references"] == MISSING
        assert len(collected.warnings) == 1
        assert "js/loader.js, line 3" in collected.warnings[0]
        static, paths = site.folder.parent / "out" / "v1" / "static", collected.record.manifest.paths
        assert (static / paths["js/loader.js"]).read_text() == MISSING_TREE["js/loader.js"]
        assert (static / paths["css/a.css"]).read_text() == MISSING_TREE["css/a.css"]
        assert paths["css/a.css"].removeprefix("css/") in (static / paths["css/ok.css"]).read_text()

    def test_f10_missing_source_map_is_ignored_without_a_word(self, newest_site: Any) -> None:
        fill(newest_site, MISSING_TREE)
        collected = collect(options(newest_site, missing_references="ignore"))
        assert collected.warnings == []
        assert collected.worker["missing_references"] == MISSING

    def test_many_are_cut_in_the_message_only(self, newest_site: Any) -> None:
        newest_site.assets(a_css="".join(f"a{{background:url(n{i}.png)}}\n" for i in range(60)))
        with pytest.raises(TrundleError, match=r"^60 references .*\n(.*\n){50}and 10 more") as caught:
            collect(options(newest_site))
        assert len(caught.value.details["missing_references"]) == 60

    def test_what_cannot_be_processed_is_named(self, site: Any) -> None:
        fill(site, {"css/latin.css": "x"})
        site.write("assets/css/latin.css", b"a { content: '\xff' }")
        with pytest.raises(TrundleError, match=r"css/latin\.css: .*can't decode byte 0xff"):
            collect(options(site))

    def test_a_cycle_that_django_refuses_is_refused(self, newest_site: Any) -> None:
        newest_site.assets(a_css="@import 'b.css';", b_css="@import 'a.css';")
        assert newest_site.manage("collectstatic", "--noinput").returncode != 0
        with pytest.raises(TrundleError, match=r"a\.css, b\.css: Max post-process passes exceeded"):
            collect(options(newest_site))


class TestTheFolder:
    def test_f9_same_id_same_content_changes_nothing(self, newest_site: Any) -> None:
        fill(newest_site)
        first = collect(options(newest_site, source=Source("abc", False)))
        dest = newest_site.folder.parent / "out" / "v1"
        before = (dest.stat().st_ino, (dest / "release.json").read_bytes())
        again = collect(options(newest_site, source=Source("def", True)))
        assert (first.changed, again.changed) == (True, False)
        assert (dest.stat().st_ino, (dest / "release.json").read_bytes()) == before
        assert again.record == first.record
        assert names(dest.parent) == ["v1"]

    def test_f9_same_id_other_content_is_refused(self, newest_site: Any) -> None:
        fill(newest_site)
        collect(options(newest_site))
        dest = newest_site.folder.parent / "out" / "v1"
        before = contents(dest)
        newest_site.assets(empty_txt="no longer")
        for dry_run in (False, True):
            with pytest.raises(TrundleError, match=r"other content.*new release id") as caught:
                collect(options(newest_site, dry_run=dry_run))
            assert any(line.startswith("empty.") for line in caught.value.details["differences"])
        assert contents(dest) == before
        assert names(dest.parent) == ["v1"]

    @pytest.mark.parametrize("damage", ["static/js/app.js", "staticfiles.json"])
    def test_a_damaged_folder_of_the_same_content_is_made_whole(self, newest_site: Any, damage: str) -> None:
        fill(newest_site)
        first = collect(options(newest_site))
        dest = newest_site.folder.parent / "out" / "v1"
        before = contents(dest)
        (dest / damage.replace("js/app.js", first.record.manifest.paths["js/app.js"])).unlink()
        again = collect(options(newest_site))
        assert again.changed
        assert contents(dest) == before
        assert names(dest.parent) == ["v1"]

    def test_a_folder_of_another_release_is_refused(self, newest_site: Any) -> None:
        collect(options(newest_site))
        with pytest.raises(TrundleError, match="holds release 'v1', not 'v2'"):
            collect(options(newest_site, release="v2"))

    def test_a_folder_of_something_else_is_refused(self, newest_site: Any) -> None:
        with pytest.raises(TrundleError, match="neither empty nor the folder of a release"):
            collect(options(newest_site, dest=newest_site.folder))

    def test_an_empty_folder_is_used(self, newest_site: Any) -> None:
        dest = newest_site.folder.parent / "empty"
        dest.mkdir()
        assert collect(options(newest_site, dest=dest)).changed
        assert (dest / "release.json").is_file()

    def test_a_dry_run_writes_nothing(self, newest_site: Any, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        planned = collect(options(newest_site, dry_run=True, scratch=scratch))
        assert planned.changed
        assert not (tmp_path / "out").exists()
        assert list(scratch.iterdir()) == []
        done = collect(options(newest_site))
        assert (planned.before, planned.after) == ([], done.after)
        assert collect(options(newest_site, dry_run=True, scratch=scratch)).changed is False

    def test_files_can_be_read_by_a_web_server(self, newest_site: Any) -> None:
        collect(options(newest_site))
        for path in [newest_site.folder.parent / "out" / "v1", *(newest_site.folder.parent / "out" / "v1").rglob("*")]:
            assert path.stat().st_mode & 0o044 == 0o044, path

    def test_a_run_that_was_killed_leaves_no_half_folder(self, newest_site: Any) -> None:
        newest_site.settings("import time, pathlib", 'pathlib.Path("started").touch()', "time.sleep(60)")
        out = newest_site.folder.parent / "out"
        code = f"""
from pathlib import Path
from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
collect(Options(project_path=Path({str(newest_site.folder)!r}), python={str(newest_site.python)!r}, release="v1",
                dest=Path({str(out / "v1")!r})))
"""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
        deadline = time.monotonic() + 30
        while not (newest_site.folder / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert [name.startswith(".v1.collecting.") for name in names(out)] == [True]
        newest_site.settings()
        assert collect(options(newest_site)).changed
        assert names(out) == ["v1"]
