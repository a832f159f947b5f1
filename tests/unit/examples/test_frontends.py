# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""django-pipeline and Vite side by side, in Chromium: sources in development, hashed names in a release."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import browser
import frontend_site as example
import pytest

from ansible_collections.trundle.django.plugins.module_utils.build_step import Step, build
from ansible_collections.trundle.django.plugins.module_utils.collect import Collected, collect
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.tests.unit.plugins.module_utils import frontend_tools
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

pytestmark = [
    runs_once,
    pytest.mark.skipif(
        not any(map(shutil.which, browser.NAMES)), reason="there is no Chromium on PATH to open a page with"
    ),
]

# Django's names, and Vite's.
HASHED = re.compile(r"(\.[0-9a-f]{12}|-[\w-]{8})\.\w+")
MORE = "Loaded when asked for"
# What goes to a web host, as Vite's manifest is a file that the site reads.
CODE = ("frontends", "manage.py", "templates", "assets/vite/.vite")


class Visit:
    """A page in Chromium, and what it asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.visitor = browser.Visitor(page, timeout=20)

    def open(self, url: str) -> str:
        """The release that answered."""
        self.visitor.statuses.clear()
        opened = self.visitor.open(url, "opened")
        assert opened["ok"], opened["errors"]
        self.page.wait_for_function("document.querySelector('#vite img')?.naturalWidth > 0")
        return str(opened["release"])

    def without_cache(self) -> None:
        """As the switch in the developer tools: runserver leaves it to the browser how long it keeps a file."""
        tools = self.page.context.new_cdp_session(self.page)
        tools.send("Network.enable")
        tools.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def press(self) -> None:
        self.page.get_by_role("button").click()
        # The chunk brings its own style, which the text waits for.
        self.page.wait_for_function("document.querySelector('#more').textContent !== ''")

    def texts(self) -> list[str]:
        return [self.page.inner_text(name) for name in ("#pipeline", "#vite", "#more")]

    def style(self, selector: str, name: str) -> str:
        return str(self.page.eval_on_selector(selector, f"element => getComputedStyle(element).{name}"))

    def asked(self, port: int) -> dict[str, int]:
        """Path -> status, of what was asked of a server."""
        parts = {urlsplit(url): status for url, status in self.visitor.statuses.items()}
        return {url.path: status for url, status in parts.items() if url.port == port}


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with browser.launched(tmp_path / "browser") as context:
        yield Visit(context.pages[0])


@contextmanager
def development(project: Path) -> Iterator[tuple[int, int]]:
    """The two programs that a developer runs; gives their ports."""
    site, vite = example.free_port(), example.free_port()
    env = example.environment(DEBUG="1", VITE_PORT=str(vite))
    frontend_tools.npm("ci", "--no-audit", "--no-fund", folder=project / "frontend")
    at_vite = f"http://{example.HOST}:{vite}/static/vite/src/main.js"
    at_site = f"http://{example.HOST}:{site}/health/ready/"
    runserver = [example.python(), "manage.py", "runserver", "--noreload", f"{example.HOST}:{site}"]
    frontend, logs = project / "frontend", project.parent
    with (
        example.running(["npm", "run", "dev"], folder=frontend, env=env, url=at_vite, log=logs / "vite.log"),
        example.running(runserver, folder=project, env=env, url=at_site, log=logs / "runserver.log"),
    ):
        yield site, vite


def test_development_runs_the_sources_as_they_are(tmp_path: Path, visit: Visit) -> None:
    project = example.checkout(tmp_path / "project")
    before = example.sources(project)
    with development(project) as (site, vite):
        url = f"http://{example.HOST}:{site}/"
        assert visit.open(url) == "development"
        assert visit.texts() == ["Combined by django-pipeline", "Bundled by Vite", ""]
        own = [name.removeprefix("assets/") for name in before if name.startswith("assets/")]
        assert visit.asked(site) == {"/": 200, **{f"/static/{name}": 200 for name in own}}
        for name in own:
            with urlopen(f"{url}static/{name}") as answer:
                assert answer.read() == before[f"assets/{name}"]
        modules = {"main.js", "app.css", "words.js", "logo.svg", "tile.svg"}
        assert visit_modules(visit, vite) == modules
        visit.press()
        assert visit.texts()[2] == MORE
        assert visit_modules(visit, vite) == {*modules, "more.js", "more.css"}
        with urlopen(f"http://{example.HOST}:{vite}/static/vite/src/words.js") as answer:
            assert answer.read().startswith(before["frontend/src/words.js"])
        # A change is there at once: nothing is collected or built. Vite has the page loaded again by itself.
        visit.without_cache()
        change(project / "assets/js/words.js", "Combined", "Not combined")
        change(project / "frontend/src/words.js", "Bundled", "Not bundled")
        visit.page.wait_for_function("document.querySelector('#vite')?.textContent === 'Not bundled by Vite'")
        assert visit.texts() == ["Not combined by django-pipeline", "Not bundled by Vite", ""]
    after = example.sources(project)
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"assets/js/words.js", "frontend/src/words.js"}


def visit_modules(visit: Visit, port: int) -> set[str]:
    asked = visit.asked(port)
    assert set(asked.values()) <= {200, 304}
    folder = "/static/vite/src/"
    return {path.removeprefix(folder) for path in asked if path.startswith(folder)}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def publish(project: Path, static_url: str, dest: Path) -> Collected:
    """What a deploy does on the build host."""
    command = ["sh", "-c", "npm ci --no-audit --no-fund && npm run build"]
    tools = [str(frontend_tools.node())]
    build(Step(command=command, chdir=project / "frontend", outputs=["../assets/vite"], path=tools))
    options = Options(
        project_path=project,
        python=str(example.python()),
        release="v1",
        dest=dest,
        static_url=static_url,
        already_hashed=["vite/assets/*"],
        environment={"PYTHONPATH": example.environment()["PYTHONPATH"]},
    )
    return collect(options)


def stage(project: Path, out: Path, host: Path) -> None:
    """The release's folder on a web host: its code and its manifest, and no static file."""
    for name in CODE:
        source, target = project / name, host / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    for name in ("staticfiles.json", "release.json"):
        shutil.copy(out / name, host)


@contextmanager
def release(project: Path, static: int, out: Path, host: Path) -> Iterator[int]:
    """gunicorn on a web host, and a CDN at the port `static`; gives the port of the site."""
    stage(project, out, host)
    site = example.free_port()
    here = {"TRUNDLE_RELEASE": "v1", "TRUNDLE_RELEASE_DIR": str(host), "ALLOWED_HOSTS": example.HOST}
    env, log = example.environment(**here), host.parent / "gunicorn.log"
    gunicorn = [example.python().with_name("gunicorn"), "--bind", f"{example.HOST}:{site}", "frontends.wsgi"]
    url = f"http://{example.HOST}:{site}/health/ready/"
    with example.cdn(out, static), example.running(gunicorn, folder=host, env=env, url=url, log=log):
        yield site


def test_a_release_asks_for_hashed_names_only(tmp_path: Path, visit: Visit) -> None:
    project, out = example.checkout(tmp_path / "project"), tmp_path / "out"
    static = example.free_port()
    collected = publish(project, f"http://{example.HOST}:{static}/static/", out)
    with release(project, static, out, tmp_path / "host") as site:
        assert visit.open(f"http://{example.HOST}:{site}/") == "v1"
        at_first = set(visit.asked(static))
        visit.press()
        assert visit.texts() == ["Combined by django-pipeline", "Bundled by Vite", MORE]
        # Styles work, the lazily loaded one too.
        assert visit.style("#pipeline", "color") == "rgb(20, 60, 100)"
        assert visit.style("#more", "color") == "rgb(100, 60, 20)"
        assert visit.asked(site) == {"/": 200}
        asked = visit.asked(static)
    assert set(asked.values()) == {200}
    names = {path.removeprefix("/static/") for path in asked}
    for name in names:
        assert HASHED.search(name), name
        assert collected.record.files[name].cache_control == "public, max-age=31536000, immutable"
    assert sorted(HASHED.sub("", name) for name in names) == [
        *("img/icon", "img/panel", "packed/site", "packed/site"),
        *("vite/assets/logo", "vite/assets/main", "vite/assets/main"),
        *("vite/assets/more", "vite/assets/more", "vite/assets/tile"),
    ]
    # The chunk and its style came when the button was pressed.
    assert {HASHED.sub("", path) for path in set(asked) - at_first} == {"/static/vite/assets/more"}
