# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers that the user gives to some files, in the record of a real collection."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import CACHE_HASHED, Rule
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks import collect

RULES = (
    Rule("js/app.js", cache_control="public, max-age=60"),
    Rule("*.md", content_type="text/plain"),
)
APP = "function answer() { return 42; }\n" * 50


def options(site: Any, **changes: Any) -> Options:
    values: dict[str, Any] = {"release": "v1", "headers": RULES, **changes}
    dest = site.folder.parent / "out" / values["release"]
    return Options(project_path=site.folder, python=str(site.python), dest=dest, **values)


@pytest.mark.parametrize("layout", ["hashed", "versioned"])
def test_f7_rules_go_by_the_name_in_the_templates_and_for_variants(newest_site: Any, layout: str) -> None:
    newest_site.assets(js__app_js=APP, js__other_js=APP, notes_md="# Notes")
    collected = collect(options(newest_site, layout=layout, compress=("gzip",)))
    files, paths = collected.record.files, collected.record.manifest.paths
    for key in (paths["js/app.js"], paths["js/app.js"] + ".gz"):
        assert (files[key].content_type, files[key].cache_control) == ("text/javascript", "public, max-age=60")
    assert files[paths["js/app.js"] + ".gz"].content_encoding == "gzip"
    assert files[paths["js/other.js"]].cache_control == CACHE_HASHED
    assert files[paths["notes.md"]].content_type == "text/plain"


def test_f9_other_headers_are_other_content(newest_site: Any) -> None:
    newest_site.assets(js__app_js=APP)
    collect(options(newest_site))
    with pytest.raises(TrundleError, match=r"js/app.*: cache_control 'public, max-age=60' -> 'public, "):
        collect(options(newest_site, headers=()))
    assert collect(options(newest_site, headers=(), release="v2")).record.release == "v2"
