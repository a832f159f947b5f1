# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up trees of files that refer to each other in every way, compared with what Django's own collectstatic does.

Django stops at the first missing reference, so what it is compared with is a storage class that differs from its own
in one thing: it leaves such a reference as it is.
"""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.trundle.django.plugins.module_utils.collect import collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import DJANGOS, Site, runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.equality import (
    assert_equal,
    own_files,
    python_of,
)
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks import ForkServer

pytestmark = runs_once

# More for a long search: TRUNDLE_EXAMPLES=5000.
EXAMPLES = int(os.environ.get("TRUNDLE_EXAMPLES", "60"))
DJANGO = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"

STORAGES = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.exceptions import SuspiciousFileOperation


class Modules(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True


class Intermediate(ManifestStaticFilesStorage):
    keep_intermediate_files = True


class ModulesTwoPasses(Modules):
    max_post_process_passes = 2


def tolerant(base):
    class Tolerant(base):
        def url_converter(self, *args, **kwargs):
            convert = super().url_converter(*args, **kwargs)

            def converter(match):
                try:
                    return convert(match)
                except (ValueError, SuspiciousFileOperation):
                    return match.group(0)

            return converter

    return Tolerant


TolerantStock = tolerant(ManifestStaticFilesStorage)
TolerantModules = tolerant(Modules)
TolerantIntermediate = tolerant(Intermediate)
TolerantModulesTwoPasses = tolerant(ModulesTwoPasses)
"""
CLASSES = {
    "stock": (DJANGO, "own.TolerantStock"),
    "modules": ("own.Modules", "own.TolerantModules"),
    "intermediate": ("own.Intermediate", "own.TolerantIntermediate"),
    "two-passes": ("own.ModulesTwoPasses", "own.TolerantModulesTwoPasses"),
}
URLS = ("/static/", "https://cdn.example.com/s/", "/deep/er/")

NAMES = (
    *("a.css", "b.css", "css/c.css", "css/deep/d.css", "a b/e f.css", "ünï/g.css", "css/UP.CSS"),
    *("a.js", "js/b.js", "js/deep/c.js", "js/m.mjs", "ünï/d.js", "js/a b.js"),
    *("i.png", "img/j.png", "a b/k l.png", "ünï/m.svg", "n#o.png", "p?q.png", "r%20s.png", "f.woff2", "bare"),
    *("a.css.map", "css/c.css.map", "js/b.js.map", "img/sprite.svg", "css/a.css"),
)
SUFFIXES = ("", "", "", "?v=1", "#frag", "?#iefix", "?v=1#frag", "?a=b&c=d")
ELSEWHERE = (
    *("http://example.com/x.css", "https://example.com/a.css", "//example.com/y.png", "data:image/png;base64,aa=="),
    *("#local", "/other/x.css", "about:blank", "", " ", "../../../out.css", "/static/", "none.css", "none/", "."),
    *("/deep/er/none.png", "https://cdn.example.com/s/none.png", "'", "a'b.png"),
)
# {r} is the reference. What a browser would take for one, and what it would not.
CSS_FORMS = (
    *("a {{ background: url({r}) }}", 'a {{ background: url("{r}") }}', "a {{ background: url('{r}') }}"),
    *("a {{ background: url( {r} ) }}", "a {{ background: URL({r}) }}", "b {{ src: url('{r}'), url({r}) }}"),
    *('@import "{r}";', "@import '{r}';", "@import url({r});", "@import url('{r}') screen;", '@IMPORT "{r}";'),
    *("/* url({r}) */", '/* @import "{r}"; */', "/*\n url({r})\n*/ a {{ b: url({r}) }}", "/* open url({r})"),
    *("/*# sourceMappingURL={r} */", "/*# sourceMappingURL={r}*/", "//# sourceMappingURL={r}"),
    *("a::after {{ content: 'url({r})' }}", "a {{ b: image-set('{r}' 1x) }}", "a{{b:url({r});c:url({r})}}"),
    *("a { b: url(\"{r}') }".replace("{ b", "{{ b").replace(") }", ") }}"), "@import\n'{r}'\n;", "@charset 'utf-8';"),
)
JS_FORMS = (
    *('import x from "{r}";', "import '{r}';", "import {{ a, b as c }} from '{r}';", 'import * as d from "{r}";'),
    *("import e, {{ f }} from '{r}';", "export * from '{r}';", 'export {{ g }} from "{r}";', "import(`{r}`);"),
    *("const h = import('{r}');", 'const i = await import("{r}");', "import x from'{r}';import y from '{r}';"),
    *("// import './{r}'", "/* import x from '{r}'; */", "/*\n import '{r}'\n*/", "let s = \"import '{r}'\";"),
    *("//# sourceMappingURL={r}", "//# sourceMappingURL={r}\n", "//@ sourceMappingURL={r}", "/* '{r}'"),
    *("import {{\n  a,\n  b\n}} from '{r}'", 'export {{\n  default as z\n}}\nfrom "{r}"', "x.import('{r}')"),
)

Tree = dict[str, str]


@st.composite
def trees(draw: Any) -> Tree:
    """Names and contents; a name is in one tree only once, as a file or as a folder."""
    drawn = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True))
    return {name: draw(contents(name, drawn)) for name in drawn}


def contents(name: str, others: list[str]) -> Any:
    forms = {".css": CSS_FORMS, ".js": JS_FORMS, ".mjs": JS_FORMS}.get(posixpath.splitext(name.lower())[1])
    if forms is None:
        return st.sampled_from(("", "x", "yy", "url(a.css)"))
    statement = st.builds(lambda form, target: form.format(r=target), st.sampled_from(forms), references(name, others))
    return st.lists(statement, max_size=5).flatmap(
        lambda lines: st.sampled_from(("\n", " ", "\r\n")).map(lambda end: end.join(lines))
    )


def references(name: str, others: list[str]) -> Any:
    """References to the other files, mostly to those that come later, so that not every tree has a cycle."""
    later = [*others[others.index(name) + 1 :], *(other for other in others if "." not in other)]
    target = st.sampled_from(later) if later else st.nothing()
    known = st.builds(
        spelled,
        st.just(posixpath.dirname(name)),
        target | (st.sampled_from(others) if len(others) > 5 else st.nothing()),
        st.sampled_from(("relative", "relative", "dotted", "absolute", "cdn", "roundabout")),
        st.booleans(),
        st.sampled_from(SUFFIXES),
    )
    return known | known | st.sampled_from(ELSEWHERE)


def spelled(folder: str, target: str, how: str, quoted: bool, suffix: str) -> str:
    path = quote(target) if quoted or set("#?%") & set(target) else target
    if how == "absolute":
        return URLS[0] + path + suffix
    if how == "cdn":
        return URLS[1] + path + suffix
    relative = posixpath.relpath(path, quote(folder) if path != target else folder or ".")
    if how == "dotted":
        relative = "./" + relative
    if how == "roundabout":
        relative = "x/../" + relative
    return relative + suffix


class Compared:
    """A project for one Django, and the process that collects it again and again."""

    def __init__(self, series: str, folder: Path) -> None:
        (folder / "project").mkdir()
        self.site = Site(folder / "project", python_of(series))
        self.site.write("own.py", STORAGES)
        self.server = ForkServer(self.site.python, folder)
        self.dest = folder / "out" / "v1"

    def check(self, tree: Tree, classes: tuple[str, str], url: str) -> None:
        for folder in (self.site.folder / "assets", self.site.folder / "root", self.dest):
            shutil.rmtree(folder, ignore_errors=True)
        self.site.assets()
        for name, content in tree.items():
            self.site.write(f"assets/{name}", content)
        (self.site.folder / "assets").mkdir(exist_ok=True)
        self.site.storage(classes[1], f"STATIC_URL = {url!r}")
        refused = self.server.manage(self.site.folder)
        self.site.storage(classes[0], f"STATIC_URL = {url!r}")
        options = Options(
            project_path=self.site.folder,
            python=str(self.site.python),
            release="v1",
            dest=self.dest,
            missing_references="ignore",
        )
        if refused:
            with pytest.raises(TrundleError):
                collect(options, worker=self.server.worker)
            return
        collected = collect(options, worker=self.server.worker)
        assert_equal(collected, self.dest, own_files(self.site.folder / "root"))


@pytest.fixture(scope="module", params=list(DJANGOS))
def compared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    made = Compared(request.param, tmp_path_factory.mktemp("trees"))
    yield made
    made.server.close()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    # The same examples each time: a test run tells of this change, and a long search is for finding.
    derandomize="TRUNDLE_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(tree=trees(), classes=st.sampled_from(list(CLASSES)), url=st.sampled_from(URLS))
@example(tree={"a.css": "@import 'b.css';", "b.css": "@import 'a.css';"}, classes="stock", url="/static/")
@example(tree={"a.css": "a { b: url(a.css) }"}, classes="stock", url="/static/")
@example(
    tree={"a.js": "import './b.js'", "b.js": "import './c.js'", "c.js": "import './d.js'", "d.js": ""},
    classes="two-passes",
    url="/static/",
)
def test_any_tree(compared: Compared, tree: Tree, classes: str, url: str) -> None:
    compared.check(tree, CLASSES[classes], url)
