# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, bytes and manifest of real packages, compared with what Django's own collectstatic makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.tests.unit.plugins.module_utils import forks
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import (
    DJANGOS,
    Site,
    interpreter,
    runs_once,
)
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.equality import (
    PYTHONS,
    TINY,
    assert_equal,
    django_files,
    own_files,
    python_of,
    real_tree,
    small_tree,
)

pytestmark = runs_once

STOCK = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
ENHANCED = "django_manifeststaticfiles_enhanced.storage.EnhancedManifestStaticFilesStorage"

# What real packages have not, or not all of them.
CORNERS = {
    "corner/css/a.css": (
        '@import "b.css";\n@import url("deep/c.css") screen;\n'
        "@font-face { src: url('../f.eot?#iefix'), url(../f.svg#name), url( ../f.woff2?v=1 ) }\n"
        ".a { background: url(/static/corner/img/a%20b.png) }\n.b { background: URL('../img/a b.png') }\n"
        ".c { background: url(https://example.com/x.png), url(//example.com/y.png), url(data:image/png;base64,aa) }\n"
        ".d { filter: url(#local); background: url('../img/ü.png') }\n"
        "/* .e { background: url(../f.svg) } */\n/*# sourceMappingURL=a.css.map */\n"
    ),
    "corner/css/a.css.map": "{}",
    "corner/css/b.css": "b { background: url(../img/a%20b.png) }\n",
    "corner/css/deep/c.css": '@import "../b.css";\nc { background: url(../../f.svg) }\n',
    "corner/f.eot": "eot",
    "corner/f.svg": "<svg/>",
    "corner/f.woff2": "woff2",
    "corner/img/a b.png": "a b",
    "corner/img/ü.png": "ü",
    "corner/js/main.js": (
        "import def, { a as b } from './lib.js';\nimport './side.js';\nexport * from \"./lib.js\";\n"
        "export { x } from './deep/lazy.js';\nconst lazy = () => import('./deep/lazy.js');\n"
        "// import './side.js'\n//# sourceMappingURL=main.js.map\n"
    ),
    "corner/js/main.js.map": "{}",
    "corner/js/lib.js": "export default 1; export const a = 2;\n",
    "corner/js/side.js": "console.log('side')\n",
    "corner/js/deep/lazy.js": "import { a } from '../lib.js';\nexport const x = a;\n",
    "corner/empty.css": "",
    "corner/empty.js": "",
    "corner/no-extension": "x",
    "corner/UPPER.CSS": "a { background: url(f.svg) }",
    "corner/page.html": '<script src="js/main.js"></script>',
}

STORAGES = """
import hashlib
from django.contrib.staticfiles.storage import ManifestFilesMixin, ManifestStaticFilesStorage, StaticFilesStorage
from django.utils.functional import LazyObject


class Patterns(ManifestStaticFilesStorage):
    patterns = (
        *ManifestStaticFilesStorage.patterns,
        ("*.html", ((r'(?P<matched>src="(?P<url>[^"]+[.]js)")', 'src="%(url)s"'),)),
        ("*.svg", (r"(xlink:href=[']([^'#]*)['])",)),
    )


class FileHash(ManifestStaticFilesStorage):
    def file_hash(self, name, content=None):
        if content is None or name and name.endswith(".woff2"):
            return None
        digest = hashlib.sha256()
        for chunk in content.chunks():
            digest.update(chunk)
        return digest.hexdigest()[:8]


class HashedName(ManifestStaticFilesStorage):
    def hashed_name(self, name, content=None, filename=None):
        hashed = super().hashed_name(name, content, filename)
        folder, _, last = hashed.rpartition("/")
        return f"{folder}/h-{last}" if folder else f"h-{last}"


class Modules(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True


class Passes(ManifestStaticFilesStorage):
    max_post_process_passes = 9


class Lenient(ManifestStaticFilesStorage):
    manifest_strict = False


class Intermediate(ManifestStaticFilesStorage):
    keep_intermediate_files = True


class NoIntermediate(ManifestStaticFilesStorage):
    keep_intermediate_files = False


class NamedManifest(ManifestStaticFilesStorage):
    manifest_name = "named.json"
"""

AZURE = """
from django.contrib.staticfiles.storage import ManifestFilesMixin
from storages.backends.azure_storage import AzureStorage


class Azure(ManifestFilesMixin, AzureStorage):
    support_js_module_import_aggregation = True
"""


@pytest.fixture(params=list(DJANGOS))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    return new_site(tmp_path, request.param)


@pytest.fixture
def site_of_newest(tmp_path: Path) -> Site:
    return new_site(tmp_path, [series for series in DJANGOS if interpreter(PYTHONS[series])][-1])


def new_site(tmp_path: Path, series: str) -> Site:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Site(folder, python_of(series))
    made.write("own.py", STORAGES)
    made.write("azure_own.py", AZURE)
    for name, content in CORNERS.items():
        made.write(f"assets/{name}", content)
    return made


def configure(site: Site, sources: Any, backend: str, *lines: str, **options: Any) -> None:
    folders = [str(folder) for _prefix, folder in sources]
    site.storage(backend, site.admin, f"STATICFILES_DIRS += {folders!r}", *lines, **options)


def compare(site: Site, *, collected_with: Any = None, compared_with: Any) -> Any:
    """Collect with one configuration, let Django collect with another (or the same), and compare."""
    dest = site.folder.parent / "out" / "v1"
    configure(site, *(collected_with or compared_with))
    options = Options(project_path=site.folder, python=str(site.python), release="v1", dest=dest)
    collected = forks.collect(options)
    configure(site, *compared_with)
    forks.manage(site)
    assert_equal(collected, dest, own_files(site.folder / "root"))
    return collected


def test_there_are_enough_packages() -> None:
    assert len({folder.name.partition(".")[0] for _prefix, folder in real_tree()}) >= 40
    assert len({folder.name.partition(".")[0] for _prefix, folder in small_tree()}) >= 25
    assert len({folder.name.partition(".")[0] for _prefix, folder in small_tree(TINY)}) >= 25


def test_stock(site: Site) -> None:
    compare(site, compared_with=(small_tree(), STOCK))


def test_whole_tree_in_processes_of_their_own(site_of_newest: Site) -> None:
    site, dest = site_of_newest, site_of_newest.folder.parent / "out" / "v1"
    configure(site, real_tree(), STOCK)
    collected = collect(Options(project_path=site.folder, python=str(site.python), release="v1", dest=dest))
    assert collected.worker["collected"] > 2900
    assert_equal(collected, dest, django_files(site))


@pytest.mark.parametrize(
    "name",
    [
        "Patterns",
        "FileHash",
        "HashedName",
        "Modules",
        "Passes",
        "Lenient",
        "Intermediate",
        "NoIntermediate",
    ],
)
def test_subclass(site: Site, name: str) -> None:
    # The larger packages for what rewrites their modules; the others differ from stock in what any file shows.
    tree = small_tree() if name == "Modules" else small_tree(TINY)
    compare(site, compared_with=(tree, f"own.{name}"))


@pytest.mark.parametrize("keep_only_hashed", [False, True])
def test_whitenoise(site: Site, keep_only_hashed: bool) -> None:
    setting = f"WHITENOISE_KEEP_ONLY_HASHED_FILES = {keep_only_hashed}"
    collected = compare(site, compared_with=(small_tree(TINY), WHITENOISE, setting))
    assert any(name.endswith(".br") for name in collected.record.files)
    assert any(name.endswith(".gz") for name in collected.record.files)


def test_pipeline(site: Site) -> None:
    lines = ('INSTALLED_APPS += ["pipeline"]', 'PIPELINE = {"PIPELINE_ENABLED": False}')
    compare(site, compared_with=(small_tree(TINY), "pipeline.storage.PipelineManifestStorage", *lines))


def test_enhanced(site: Site) -> None:
    compare(site, compared_with=(small_tree(), ENHANCED))


def test_s3_manifest_storage_is_collected_as_its_local_equivalent(site: Site) -> None:
    remote = (small_tree(TINY), "storages.backends.s3.S3ManifestStaticStorage", 'AWS_STORAGE_BUCKET_NAME = "b"')
    compare(site, collected_with=remote, compared_with=(small_tree(TINY), STOCK))


def test_azure_manifest_storage_is_collected_as_its_local_equivalent(site: Site) -> None:
    remote = (small_tree(TINY), "azure_own.Azure", 'AZURE_ACCOUNT_NAME = "a"', 'AZURE_CONTAINER = "c"')
    compare(site, collected_with=remote, compared_with=(small_tree(TINY), "own.Modules"))
