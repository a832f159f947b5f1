# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""django-pipeline with real compilers and compressors: the same names and bytes as from the project's own Django."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected, collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.tests.unit.plugins.module_utils import frontend_tools
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import DJANGOS, Site, runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.equality import (
    assert_equal,
    digests,
    django_files,
)

pytestmark = runs_once

SOURCES = {
    "css/base.scss": (
        "@import 'parts/colours';\n\n// Gone in the output.\n.base {\n  margin: 0;\n"
        "  .inner {\n    color: $brand;\n    background: url('../img/logo.svg');\n  }\n}\n"
    ),
    "css/parts/_colours.scss": "$brand: #336699;\n",
    "widgets/widget.css": (
        "/* What a minifier takes out. */\n.widget {\n    background : url('img/dot.svg') ;\n    margin : 0px ;\n}\n"
    ),
    "widgets/img/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>',
    "img/logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "js/one.js": (
        "// What a minifier takes out.\nwindow.one = function (a_long_name, another_long_name) {\n"
        "    /* and this */\n    return a_long_name + another_long_name;\n};\n"
    ),
    "js/two.js": "window.two = function () {\n    return window.one(1, 2);\n};\n",
    "js/templates/hello.jst": "<p>Hello <%= name %></p>\n",
    "js/page.js": "window.page = 1;\n",
}
PACKAGES = {
    "STYLESHEETS": {
        "site": {"source_filenames": ["css/base.scss", "widgets/*.css"], "output_filename": "packed/site.css"}
    },
    "JAVASCRIPT": {
        "site": {
            "source_filenames": ["js/one.js", "js/two.js", "js/templates/*.jst"],
            "output_filename": "packed/site.js",
        }
    },
}
# Names of compressors in pipeline.compressors, and the programs that they run.
COMPRESSORS: dict[str, dict[str, str]] = {
    "python": {
        "CSS_COMPRESSOR": "csshtmljsminify.CssHtmlJsMinifyCompressor",
        "JS_COMPRESSOR": "jsmin.JSMinCompressor",
    },
    "node": {
        "CSS_COMPRESSOR": "cssmin.CSSMinCompressor",
        "JS_COMPRESSOR": "terser.TerserCompressor",
        "CSSMIN_BINARY": "cleancss",
        "TERSER_BINARY": "terser",
        "TERSER_ARGUMENTS": "--compress --mangle",
    },
    "yuglify": {
        "CSS_COMPRESSOR": "yuglify.YuglifyCompressor",
        "JS_COMPRESSOR": "yuglify.YuglifyCompressor",
        "YUGLIFY_BINARY": "yuglify",
    },
}
STORAGES = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from pipeline.storage import PipelineMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Compressed(PipelineMixin, CompressedManifestStaticFilesStorage):
    pass
"""
TEMPLATES = 'TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]'
PIPELINE = "pipeline.storage.PipelineManifestStorage"


@pytest.fixture(params=list(DJANGOS))
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("PATH", frontend_tools.environment()["PATH"])
    folder = tmp_path / "project"
    folder.mkdir()
    made = Site(folder, frontend_tools.python_of(request.param))
    made.write("own.py", STORAGES)
    for name, content in SOURCES.items():
        made.write(f"assets/{name}", content)
    return made


def configure(site: Site, compressors: str, *, backend: str = PIPELINE, **more: Any) -> None:
    chosen = COMPRESSORS[compressors]
    settings: dict[str, Any] = {
        "PIPELINE_ENABLED": True,
        "COMPILERS": ["pipeline.compilers.sass.SASSCompiler"],
        "SASS_BINARY": str(site.python.with_name("pysassc")),
        **PACKAGES,
        **{name: f"pipeline.compressors.{value}" for name, value in chosen.items() if name.endswith("COMPRESSOR")},
        **{name: str(frontend_tools.compressors() / value) for name, value in chosen.items() if "BINARY" in name},
        **{name: value for name, value in chosen.items() if "ARGUMENTS" in name},
        **more,
    }
    finders = [f"django.contrib.staticfiles.finders.{name}Finder" for name in ("FileSystem", "AppDirectories")]
    site.storage(
        backend,
        'INSTALLED_APPS += ["pipeline"]',
        f"STATICFILES_FINDERS = {[*finders, 'pipeline.finders.PipelineFinder']!r}",
        f"PIPELINE = {settings!r}",
    )


def run(site: Site, release: str = "v1") -> tuple[Collected, Path]:
    dest = site.folder.parent / "out" / release
    return collect(Options(project_path=site.folder, python=str(site.python), release=release, dest=dest)), dest


def text_of(collected: Collected, dest: Path, name: str) -> str:
    return (dest / "static" / collected.record.manifest.paths[name]).read_text()


@pytest.mark.parametrize("compressors", COMPRESSORS)
def test_compiled_combined_and_minified_as_by_the_project(site: Site, compressors: str) -> None:
    configure(site, compressors)
    collected, dest = run(site)
    assert_equal(collected, dest, django_files(site))
    paths = collected.record.manifest.paths
    style, script = text_of(collected, dest, "packed/site.css"), text_of(collected, dest, "packed/site.js")
    # Compiled, and both sources are in, with references that hold from where the output is.
    assert ".base .inner" in style
    assert "$brand" not in style
    assert ".widget" in style
    for name in ("img/logo.svg", "widgets/img/dot.svg"):
        assert f"../{paths[name]}" in style
    assert all(f"window.{name}" in script for name in ("one", "two", "JST"))
    # Minified.
    assert "minifier" not in style + script
    assert len(style.strip().splitlines()) == 1
    plain = sum(len(SOURCES[name]) for name in ("js/one.js", "js/two.js"))
    assert len(script[: script.index("window.JST")]) < plain * 0.9
    assert "a_long_name" not in script or compressors == "python"  # jsmin leaves names alone


def test_with_whitenoise(site: Site) -> None:
    configure(site, "node", backend="own.Compressed")
    collected, dest = run(site)
    assert_equal(collected, dest, django_files(site))


def test_minified_is_smaller_than_combined(site: Site) -> None:
    configure(site, "node")
    minified, dest = run(site)
    nothing = "pipeline.compressors.NoopCompressor"
    configure(site, "node", CSS_COMPRESSOR=nothing, JS_COMPRESSOR=nothing)
    combined, other = run(site, "v2")
    assert_equal(combined, other, django_files(site))
    for name in ("packed/site.css", "packed/site.js"):
        assert len(text_of(minified, dest, name)) < 0.9 * len(text_of(combined, other, name))


def test_a_changed_source_gives_another_name(site: Site) -> None:
    configure(site, "python")
    before = run(site)[0].record.manifest.paths
    site.write("assets/css/parts/_colours.scss", "$brand: #996633;\n")
    after = run(site, "v2")[0].record.manifest.paths
    assert before["packed/site.css"] != after["packed/site.css"]
    assert before["packed/site.js"] == after["packed/site.js"]


def test_development_is_served_the_sources_as_they_are(site: Site) -> None:
    """Collection leaves nothing in the project, and with packaging off a page names each source."""
    configure(site, "python")
    before = digests(site.folder / "assets")
    run(site)
    assert digests(site.folder / "assets") == before
    names = {path.name for path in site.folder.iterdir()} - {"__pycache__"}
    assert names == {"assets", "manage.py", "own.py", "site_settings.py"}
    configure(site, "python", PIPELINE_ENABLED=False, backend="pipeline.storage.NonPackagingPipelineStorage")
    text = "{% load pipeline %}{% javascript 'site' %}"
    lines = [
        "from django.template import Context, Engine",
        "engine = Engine(libraries={'pipeline': 'pipeline.templatetags.pipeline'}, app_dirs=True)",
        f"print(engine.from_string({text!r}).render(Context()))",
    ]
    site.settings(*(site.folder / "site_settings.py").read_text().splitlines(), TEMPLATES)
    shown = site.manage("shell", "--command", "\n".join(lines))
    assert shown.returncode == 0, shown.stderr
    assert "/static/js/one.js" in shown.stdout
    assert "/static/js/two.js" in shown.stdout
    assert "packed" not in shown.stdout
    found = site.manage("findstatic", "js/one.js", "--first", "--verbosity", "0")
    assert Path(found.stdout.strip()).read_text() == SOURCES["js/one.js"]
