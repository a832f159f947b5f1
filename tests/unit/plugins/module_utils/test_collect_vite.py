# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Vite project, built by npm as a step and collected: its hashed names are kept, Django hashes the rest."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.build_step import Built, Step, build
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import OutputCache
from ansible_collections.trundle.django.plugins.module_utils.collect import Collected, collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.collect_result import counts
from ansible_collections.trundle.django.tests.unit.plugins.module_utils import frontend_tools
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import Site, runs_once

pytestmark = runs_once


class Vite:
    """A Django project with a front end in a folder beside its assets."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.frontend = site.folder / "frontend"
        shutil.copytree(frontend_tools.FRONTEND / "vite", self.frontend)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(frontend_tools.EXAMPLE / "frontend" / name, self.frontend)
        site.assets(css__page_css=".page { margin: 0 }\n")
        site.storage("django.contrib.staticfiles.storage.ManifestStaticFilesStorage", site.admin)

    def build(self) -> Built:
        step = Step(
            command=["sh", "-c", "npm ci --no-audit --no-fund && npm run build"],
            chdir=self.frontend,
            outputs=["../assets/vite"],
            path=[str(frontend_tools.node())],
            cache=OutputCache(self.site.folder.parent / "cache", 1 << 30),
        )
        return build(step)

    def collect(self, release: str = "v1", **changes: Any) -> Collected:
        values: dict[str, Any] = {
            "project_path": self.site.folder,
            "python": str(self.site.python),
            "release": release,
            "dest": self.site.folder.parent / "out" / release,
            "already_hashed": ["vite/assets/*"],
        }
        return collect(Options(**{**values, **changes}))

    def static(self, name: str, release: str = "v1") -> Path:
        return self.site.folder.parent / "out" / release / "static" / name

    def names(self) -> dict[str, str]:
        """Source -> name below the static URL, as Vite's own manifest has it."""
        manifest = json.loads((self.site.folder / "assets/vite/.vite/manifest.json").read_text())
        names = {source: f"vite/{entry['file']}" for source, entry in manifest.items()}
        return {**names, "src/app.css": f"vite/{manifest['src/main.js']['css'][0]}"}


@pytest.fixture
def vite(newest_site: Site) -> Vite:
    return Vite(newest_site)


def test_its_names_are_kept_and_django_hashes_the_rest(vite: Vite) -> None:
    built = vite.build()
    assert (built.plan.action, built.warnings) == ("run", [])
    names = vite.names()
    assert sorted(names) == ["src/app.css", "src/lazy.js", "src/logo.svg", "src/main.js", "src/tile.svg"]
    assert all(re.fullmatch(r"vite/assets/\w+-[\w-]{8}\.\w+", name) for name in names.values())
    collected = vite.collect()
    paths, files = collected.record.manifest.paths, collected.record.files
    for name in names.values():
        assert paths[name] == name
        assert files[name].cache_control == "public, max-age=31536000, immutable"
        assert vite.static(name).read_bytes() == (vite.site.folder / "assets" / name).read_bytes()
    # Each file that the bundles name is there, under the name that they have for it.
    script, style = (vite.static(names[source]).read_text() for source in ("src/main.js", "src/app.css"))
    assert f'import("./{Path(names["src/lazy.js"]).name}")' in script
    assert f"/static/{names['src/logo.svg']}" in script
    assert f"/static/{names['src/tile.svg']}" in style
    # Django's own, and Vite's manifest is for the site, not for its visitors.
    for name in ("css/page.css", "admin/css/base.css"):
        assert re.fullmatch(rf"{name[:-4]}\.[0-9a-f]{{12}}\.css", paths[name])
    assert counts(collected)["unhashed"] == 0
    assert not [name for name in files if "manifest" in name]


def test_without_the_option_the_bundles_name_files_that_are_not_there(vite: Vite) -> None:
    vite.build()
    collected = vite.collect(already_hashed=[])
    assert vite.names()["src/lazy.js"] not in collected.record.files


def test_it_is_built_again_for_changed_sources_only(vite: Vite) -> None:
    vite.build()
    before = vite.names()
    assert vite.build().plan.action == "skip"
    source = vite.frontend / "src/lazy.js"
    text = source.read_text()
    source.write_text(text.replace("hello", "good day"))
    built = vite.build()
    assert (built.plan.action, built.plan.reason) == ("run", "inputs changed: src/lazy.js")
    after = vite.names()
    # What names the changed file has another name too; nothing else has.
    assert {name for name in after if after[name] != before[name]} == {"src/lazy.js", "src/main.js"}
    assert set(after.values()) <= set(vite.collect("v2").record.files)
    source.write_text(text)
    assert vite.build().plan.action == "restore"
    assert vite.names() == before
    assert set(before.values()) <= set(vite.collect("v3").record.files)
