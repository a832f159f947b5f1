# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a bundler has hashed keep their names and bytes, whichever way a project is collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.collect_result import counts
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.forks import collect

# What is tried here runs in the project's interpreter, whatever the controller's is.
pytestmark = runs_once

BUNDLE = {
    "assets__app-C8f1_css": ".a { background: url(/static/assets/logo-D4e2.png) }\n" * 20,
    "assets__logo-D4e2_png": "logo",
    "css__page_css": "@import '../assets/app-C8f1.css?v=1';\n.p { background: url('../assets/none-D4e2.png') }\n",
}
STORAGES = {
    "fast": ("django.contrib.staticfiles.storage.ManifestStaticFilesStorage", ""),
    "own": ("own.Own", "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage as Base\n"),
    "fast compressed": ("whitenoise.storage.CompressedManifestStaticFilesStorage", ""),
    "own compressed": (
        "own.Own",
        "from whitenoise.storage import CompressedManifestStaticFilesStorage as Base\n",
    ),
}


@pytest.fixture(params=STORAGES)
def bundled(request: Any, newest_site: Any) -> Any:
    """A site, the way in which it is collected, and whether its storage compresses."""
    backend, text = STORAGES[request.param]
    newest_site.storage(backend)
    newest_site.write("own.py", f"{text}\n\nclass Own(Base):\n    keep_intermediate_files = True\n" if text else "")
    newest_site.assets(**BUNDLE)
    return newest_site, request.param.split()[0], "compressed" in request.param


def run(site: Any, **changes: Any) -> Collected:
    values = {"project_path": site.folder, "python": str(site.python), "release": "v1", "dest": dest(site)}
    return collect(Options(**{**values, "missing_references": "warn", **changes}))


def dest(site: Any) -> Path:
    return Path(site.folder.parent / "out")


def test_they_keep_their_names_and_bytes(bundled: Any) -> None:
    site, path, compressed = bundled
    collected = run(site, already_hashed=["assets/*"])
    paths, files, static = collected.record.manifest.paths, collected.record.files, dest(site) / "static"
    assert collected.worker["storage"]["path"] == path
    for name in ("assets/app-C8f1.css", "assets/logo-D4e2.png"):
        assert paths[name] == name
        assert (static / name).read_bytes() == (site.folder / "assets" / name).read_bytes()
        assert "immutable" in files[name].cache_control
    assert ("assets/app-C8f1.css.gz" in files) == compressed
    assert paths["css/page.css"] != "css/page.css"
    assert 'url("../assets/app-C8f1.css?v=1")' in (static / paths["css/page.css"]).read_text()
    assert [item["reference"] for item in collected.worker["missing_references"]] == ["../assets/none-D4e2.png"]
    assert counts(collected)["unhashed"] == 0


def test_without_the_option_they_are_hashed_once_more(bundled: Any) -> None:
    collected = run(bundled[0])
    assert collected.record.manifest.paths["assets/logo-D4e2.png"] != "assets/logo-D4e2.png"


@pytest.mark.parametrize("bundled", ["own"], indirect=True)
def test_names_without_a_hash_hold_for_a_class_with_its_own_way_too(bundled: Any) -> None:
    collected = run(bundled[0], layout="versioned", hashed_names=False)
    assert collected.record.manifest.paths["css/page.css"] == "v1/css/page.css"
    assert (dest(bundled[0]) / "static/v1/css/page.css").read_text() == BUNDLE["css__page_css"]
