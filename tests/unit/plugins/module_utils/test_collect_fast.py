# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collection in one pass: what it reuses, what it leaves to the class, and how it lays a package out."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.plugins.module_utils.collect import collect as collect_alone
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.collect_result import counts
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks import collect

# What is tried here runs in the project's interpreter, whatever the controller's is.
pytestmark = runs_once

TREE = {
    "css__app_css": "@import 'base.css';\n.a { background: url(/static/img/a.png) }\n",
    "css__base_css": ".b { background: url('../img/a.png') }\n",
    "css__alone_css": ".c { color: red }\n",
    "img__a_png": "picture",
    "js__app_js": "console.log(1)\n" * 40,
}
# More than the memory that a collection may take; TRUNDLE_LARGE_MB=2048 for a whole video.
LARGE = int(os.environ.get("TRUNDLE_LARGE_MB", "256")) << 20
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"


@pytest.fixture
def shop(newest_site: Any) -> Any:
    newest_site.assets(**TREE)
    return newest_site


def run(site: Any, release: str = "v1", **changes: Any) -> Collected:
    values: dict[str, Any] = {
        "project_path": site.folder,
        "python": str(site.python),
        "release": release,
        "dest": site.folder.parent / "out" / release,
        "cache": site.folder.parent / "cache",
    }
    return collect(Options(**{**values, **changes}))


def static(site: Any, release: str = "v1") -> Path:
    return Path(site.folder.parent / "out" / release / "static")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def settle(site: Any) -> None:
    """Make all sources old enough for their times to be trusted."""
    for path in (site.folder / "assets").rglob("*"):
        os.utime(path, (1, 1))
    threading.Event().wait(0.15)


def numbers(collected: Collected) -> tuple[int, int]:
    return counts(collected)["reused"], counts(collected)["written"]


class TestReuse:
    def test_unchanged_files_are_all_reused(self, shop: Any) -> None:
        settle(shop)
        first, second = run(shop, "v1"), run(shop, "v2")
        assert (numbers(first), numbers(second)) == ((0, 5), (5, 0))
        assert counts(first)["rewritten"] == counts(second)["rewritten"] == 2
        assert contents(static(shop, "v1")) == contents(static(shop, "v2"))

    def test_only_what_a_change_reaches_is_made_anew(self, shop: Any) -> None:
        settle(shop)
        run(shop, "v1")
        shop.assets(css__base_css=".b { color: blue }\n")
        second = run(shop, "v2")
        assert numbers(second) == (3, 2)
        assert contents(static(shop, "v2")) == contents_without_cache(shop)

    def test_a_file_that_is_gone_is_missed(self, shop: Any) -> None:
        settle(shop)
        run(shop, "v1")
        (shop.folder / "assets/img/a.png").unlink()
        second = run(shop, "v2", missing_references="warn")
        assert [(item["file"], item["line"]) for item in second.worker["missing_references"]] == [
            ("css/app.css", 2),
            ("css/base.css", 1),
        ]
        # And so they are in the run that remembers it.
        assert (
            run(shop, "v3", missing_references="ignore").worker["missing_references"]
            == (second.worker["missing_references"])
        )

    def test_a_file_that_appears_is_found(self, shop: Any) -> None:
        shop.assets(css__base_css="@import 'new.css';\n")
        settle(shop)
        run(shop, "v1", missing_references="ignore")
        shop.assets(css__new_css=".new { color: red }\n")
        second = run(shop, "v2")
        assert second.worker["missing_references"] == []
        assert contents(static(shop, "v2")) == contents_without_cache(shop)

    def test_a_change_that_keeps_size_and_time_is_seen(self, shop: Any) -> None:
        settle(shop)
        run(shop, "v1")
        path = shop.folder / "assets/img/a.png"
        path.write_text("PICTURE")
        os.utime(path, (1, 1))
        run(shop, "v2")
        assert b"PICTURE" in contents(static(shop, "v2")).values()

    def test_a_change_within_the_clock_is_seen(self, shop: Any) -> None:
        for number in range(5):
            shop.assets(js__app_js=f"console.log({number})\n")
            run(shop, f"n{number}")
            assert f"console.log({number})\n".encode() in contents(static(shop, f"n{number}")).values()

    def test_other_projects_share_contents(self, shop: Any) -> None:
        run(shop, "v1")
        copy = shop.folder.parent / "copy"
        shutil.copytree(shop.folder, copy)
        second = run(shop, "v2", project_path=copy)
        assert numbers(second) == (5, 0)
        assert contents(static(shop, "v1")) == contents(static(shop, "v2"))

    def test_another_rule_is_another_result(self, shop: Any) -> None:
        settle(shop)
        shop.write(
            "own.py",
            "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
            "class Own(ManifestStaticFilesStorage):\n"
            "    patterns = ()\n",
        )
        first = run(shop, "v1")
        shop.storage("own.Own")
        second = run(shop, "v2")
        assert second.worker["storage"]["path"] == "fast"
        assert second.record.manifest.paths["css/app.css"] != first.record.manifest.paths["css/app.css"]
        shop.write("own.py", (shop.folder / "own.py").read_text().replace("()", "(('*.css', ('(?P<m>x)',)),)"))
        assert run(shop, "v3").record.files.keys() == second.record.files.keys()

    def test_a_check_leaves_the_cache_alone(self, shop: Any) -> None:
        planned = run(shop, dry_run=True)
        assert numbers(planned) == (0, 5)
        assert [path for path in (shop.folder.parent / "cache").rglob("*") if path.is_file()] == []
        settle(shop)
        run(shop, "v1")
        before = contents(shop.folder.parent / "cache")
        assert numbers(run(shop, "v2", dry_run=True)) == (5, 0)
        assert contents(shop.folder.parent / "cache") == before

    def test_the_cache_can_go_at_any_moment(self, shop: Any) -> None:
        run(shop, "v1")
        shutil.rmtree(shop.folder.parent / "cache")
        assert numbers(run(shop, "v2")) == (0, 5)
        assert contents(static(shop, "v1")) == contents(static(shop, "v2"))

    def test_the_package_can_go_at_any_moment(self, shop: Any) -> None:
        run(shop, "v1")
        expected = contents(static(shop, "v1"))
        shutil.rmtree(shop.folder.parent / "out")
        run(shop, "v2")
        assert contents(static(shop, "v2")) == expected

    def test_damaged_entries_are_made_anew_and_told(self, shop: Any) -> None:
        settle(shop)
        run(shop, "v1")
        expected = contents(static(shop, "v1"))
        shutil.rmtree(shop.folder.parent / "out")
        blobs = [path for path in (shop.folder.parent / "cache" / "blobs").rglob("*") if path.is_file()]
        for path in blobs:
            path.write_bytes(b"x" * path.stat().st_size)
        second = run(shop, "v2")
        assert contents(static(shop, "v2")) == expected
        assert sorted(second.worker["cache"]["damaged"]) == sorted(path.name for path in blobs)
        assert "had damaged entries, which were made anew" in second.warnings[0]
        assert numbers(run(shop, "v3")) == (5, 0)

    def test_builds_side_by_side(self, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(globals(), "collect", collect_alone)
        done: list[Collected] = []
        threads = [
            threading.Thread(target=lambda number=number: done.append(run(shop, f"n{number}"))) for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 4
        assert all(contents(static(shop, f"n{number}")) == contents_without_cache(shop) for number in range(4))


def contents_without_cache(site: Any) -> dict[str, bytes]:
    dest = site.folder.parent / "plain"
    shutil.rmtree(dest, ignore_errors=True)
    run(site, "plain", dest=dest, cache=None)
    return contents(dest / "static")


class TestOnePass:
    @pytest.mark.parametrize(
        ("lines", "reason"),
        [
            pytest.param("keep_intermediate_files = True", "keep_intermediate_files is set", id="intermediate"),
            pytest.param(
                "def post_process(self, *args, **kwargs):\n        yield from super().post_process(*args, **kwargs)",
                "own.Own.post_process",
                id="post_process",
            ),
            pytest.param(
                "def file_hash(self, name, content=None):\n"
                "        return name and super().file_hash(name, self.path(name) and content)",
                "its class reads or writes files while it names them",
                id="reads while naming",
            ),
        ],
    )
    def test_what_it_cannot_honour_runs_as_it_is(self, shop: Any, lines: str, reason: str) -> None:
        shop.write(
            "own.py",
            "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
            f"class Own(ManifestStaticFilesStorage):\n    {lines}\n",
        )
        shop.storage("own.Own")
        storage = run(shop).worker["storage"]
        assert storage["path"] == "own"
        assert reason in storage["reason"]

    def test_a_cycle_is_named(self, newest_site: Any) -> None:
        newest_site.assets(a_css="@import 'b.css';", b_css="@import 'c.css';", c_css="@import 'a.css';")
        with pytest.raises(TrundleError, match=r"files refer to each other in a circle: a\.css -> b\.css -> c\.css"):
            run(newest_site)

    def test_a_cycle_that_django_solves_is_solved(self, newest_site: Any) -> None:
        newest_site.write(
            "own.py",
            "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
            "class Own(ManifestStaticFilesStorage):\n"
            "    def file_hash(self, name, content=None):\n"
            "        return None if name == 'a.css' else super().file_hash(name, content)\n",
        )
        newest_site.storage("own.Own")
        newest_site.assets(a_css="@import 'b.css';", b_css="@import 'a.css';")
        collected = run(newest_site)
        assert collected.record.manifest.paths["a.css"] == "a.css"
        assert collected.record.files["a.css"].cache_control == "no-cache"

    def test_references_that_are_nested_too_deeply_for_django_are_refused_as_it_does(self, newest_site: Any) -> None:
        names = [f"{number:02}" for number in range(9)]
        for name, following in zip(names, [*names[1:], "leaf"]):
            newest_site.write(f"assets/{name}.css", f"@import '{following}.css';")
        newest_site.write("assets/leaf.css", "x { background: url(x.png) }")
        newest_site.write("assets/x.png", "x")
        refused = newest_site.manage("collectstatic", "--noinput").returncode != 0
        if refused:
            with pytest.raises(TrundleError, match="Max post-process passes exceeded"):
                run(newest_site)
        else:  # the finder gave them in an order that Django can follow
            assert run(newest_site).worker["storage"]["path"] == "fast"

    def test_a_file_that_changes_meanwhile_is_refused(self, shop: Any) -> None:
        shop.settings(
            "import threading, time",
            "path = BASE_DIR / 'assets' / 'big.bin'",
            "def change():",
            "    while True:",
            "        path.open('ab').write(b'x')",
            "threading.Thread(target=change, daemon=True).start()",
        )
        (shop.folder / "assets/big.bin").write_bytes(bytes(30 << 20))
        with pytest.raises(TrundleError, match=r"big\.bin changed while it was being collected: run again"):
            run(shop)

    def test_a_file_that_cannot_be_read_is_named(self, shop: Any) -> None:
        (shop.folder / "assets/gone.png").symlink_to("nowhere")
        with pytest.raises(TrundleError, match=r"Failed to read the static file .*gone\.png: No such file"):
            run(shop)

    def test_a_large_file_takes_no_memory(self, shop: Any) -> None:
        with (shop.folder / "assets/video.mp4").open("wb") as stream:
            stream.truncate(LARGE)
        shop.settings(
            "import os, pathlib, re",
            # The program ends by os._exit(), after all is done.
            "end = os._exit",
            "def told(status):",
            # Not ru_maxrss, in which a program that is started by a larger one begins with what that one has.
            "    status_file = pathlib.Path('/proc/self/status').read_text()",
            "    (BASE_DIR / 'used').write_text(re.search(r'VmHWM:\\s*(\\d+) kB', status_file)[1])",
            "    end(status)",
            "os._exit = told",
        )
        collected = run(shop)
        assert (static(shop) / collected.record.manifest.paths["video.mp4"]).stat().st_size == LARGE
        assert int((shop.folder / "used").read_text()) < 200 << 10


class TestCompression:
    def test_variants_are_those_of_whitenoise_and_made_once(self, shop: Any) -> None:
        shop.storage(WHITENOISE)
        settle(shop)
        first, second = run(shop, "v1"), run(shop, "v2")
        assert (counts(first)["variants"], numbers(first)) == (3, (0, 8))
        assert numbers(second) == (8, 0)
        assert contents(static(shop, "v1")) == contents(static(shop, "v2"))
        assert second.worker["storage"]["path"] == "fast"

    def test_any_storage_can_have_them(self, shop: Any) -> None:
        collected = run(shop, compress=["gzip", "brotli"])
        name = collected.record.manifest.paths["js/app.js"]
        files = contents(static(shop))
        assert gzip.decompress(files[name + ".gz"]) == files[name]
        assert {name + ".br", name + ".gz"} < set(files)
        assert collected.record.files[name + ".gz"].content_encoding == "gzip"
        run(shop, "v2", compress=["gzip"])
        assert {Path(name).suffix for name in contents(static(shop, "v2"))} == {".css", ".js", ".png", ".gz"}

    def test_they_equal_those_of_whitenoise(self, shop: Any) -> None:
        run(shop, "v1", compress=["gzip", "brotli"])
        shop.storage(WHITENOISE)
        run(shop, "v2", cache=None)
        assert contents(static(shop, "v1")) == contents(static(shop, "v2"))

    def test_none_can_be_asked_for(self, shop: Any) -> None:
        shop.storage(WHITENOISE)
        assert counts(run(shop, compress=[]))["variants"] == 0

    def test_settings_of_the_compressor_count(self, shop: Any) -> None:
        shop.storage(WHITENOISE, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ['js', 'css']")
        assert counts(run(shop))["variants"] == 0

    def test_a_class_that_runs_its_own_way_can_have_them(self, shop: Any) -> None:
        shop.write(
            "own.py",
            "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
            "class Own(ManifestStaticFilesStorage):\n    keep_intermediate_files = True\n",
        )
        shop.storage("own.Own")
        collected = run(shop, compress=["gzip"])
        name = collected.record.manifest.paths["js/app.js"] + ".gz"
        assert (collected.worker["storage"]["path"], counts(collected)["variants"]) == ("own", 1)
        assert collected.record.files[name].cache_control == "public, max-age=31536000, immutable"

    def test_zstd(self, shop: Any) -> None:
        collected = run(shop, compress=["zstd"])
        plain = static(shop) / collected.record.manifest.paths["js/app.js"]
        decode = (
            "import sys, zstandard; print(zstandard.ZstdDecompressor().decompress(sys.stdin.buffer.read()).decode())"
        )
        data = plain.with_name(plain.name + ".zst").read_bytes()
        decoded = subprocess.run([shop.python, "-c", decode], input=data, capture_output=True, check=True).stdout
        assert decoded == plain.read_bytes() + b"\n"
        assert len(data) < plain.stat().st_size
        assert collected.record.files[f"js/{plain.name}.zst"].content_encoding == "zstd"

    def test_a_library_that_is_missing_is_named(self, shop: Any) -> None:
        shop.settings("import sys", "sys.modules['brotli'] = sys.modules['brotlicffi'] = None")
        with pytest.raises(TrundleError, match="cannot import brotli or brotlicffi: add it to the project's req"):
            run(shop, compress=["brotli"])


class TestLayout:
    def test_originals_can_stay(self, shop: Any) -> None:
        collected = run(shop, originals=True)
        files = contents(static(shop))
        assert files["css/app.css"] == TREE["css__app_css"].encode()
        assert (counts(collected)["hashed"], counts(collected)["unhashed"]) == (5, 5)
        assert collected.record.files["css/app.css"].cache_control == "no-cache"

    def test_a_folder_per_release_with_hashed_names(self, shop: Any) -> None:
        collected = run(shop, layout="versioned")
        record = collected.record
        files = contents(static(shop))
        name = record.manifest.paths["css/app.css"]
        assert (record.layout, record.static_url) == ("versioned", "/static/")
        assert name.startswith("v1/css/app.")
        assert sorted(files) == sorted(record.files)
        picture = record.manifest.paths["img/a.png"]
        assert f'url("/static/{picture}")'.encode() in files[name]
        base = record.manifest.paths["css/base.css"]
        assert f'url("{Path(base).name}")'.encode() in files[name]

    def test_the_next_release_reuses_all_but_what_names_the_release(self, shop: Any) -> None:
        settle(shop)
        run(shop, "v1", layout="versioned")
        second = run(shop, "v2", layout="versioned")
        assert numbers(second) == (4, 1)
        assert b"/static/v2/img" in contents(static(shop, "v2"))[second.record.manifest.paths["css/app.css"]]

    def test_a_folder_per_release_without_hashed_names(self, shop: Any) -> None:
        collected = run(shop, layout="versioned", hashed_names=False)
        files = contents(static(shop))
        assert files["v1/css/app.css"] == TREE["css__app_css"].encode()
        assert collected.record.manifest.paths["css/app.css"] == "v1/css/app.css"
        assert {entry.cache_control for entry in collected.record.files.values()} == {
            "public, max-age=31536000, immutable"
        }

    def test_a_static_url_that_names_the_release(self, shop: Any) -> None:
        shop.settings("STATIC_URL = '/static/v1/'")
        collected = run(shop, layout="versioned", hashed_names=False)
        assert collected.record.manifest.paths["css/app.css"] == "css/app.css"
        assert collected.record.static_url == "/static/"
        assert "v1/css/app.css" in collected.record.files

    def test_names_without_a_hash_need_a_folder_per_release(self, shop: Any) -> None:
        with pytest.raises(TrundleError, match="need layout 'versioned'"):
            run(shop, hashed_names=False)
