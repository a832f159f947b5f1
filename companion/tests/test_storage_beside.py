# SPDX-License-Identifier: BSD-3-Clause
"""The storage beside what a project has around it: WhiteNoise, the development server, servers that fork."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.staticfiles.views import serve
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.forms import Media
from django.template import engines
from django.templatetags.static import static
from django.test import Client, RequestFactory
from settings import SITE
from whitenoise.storage import CompressedManifestStaticFilesStorage

from trundle.storage import ReleaseStaticFilesStorage

from conftest import PATHS, Folder

BACKEND = "trundle.storage.ReleaseStaticFilesStorage"
STOCK = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
SOURCES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*") if path.is_file())


@pytest.fixture
def collected(tmp_path: Path, folder: Folder, configure, use_storage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The assets of a release that was really collected; its manifest lies in the release's folder only."""
    assets = tmp_path / "assets"
    configure(STATIC_ROOT=str(assets))
    use_storage(STOCK)
    call_command("collectstatic", interactive=False, verbosity=0)
    folder.write()
    (assets / "staticfiles.json").replace(folder.manifest)
    record = json.loads(folder.record.read_text())
    record["manifest"] = {
        "sha256": hashlib.sha256(folder.manifest.read_bytes()).hexdigest(),
        "paths": json.loads(folder.manifest.read_text())["paths"],
    }
    folder.record.write_text(json.dumps(record, sort_keys=True, indent=1) + "\n")
    monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(folder.path))
    use_storage(BACKEND)
    return assets


class TestWhiteNoise:
    @pytest.mark.parametrize("host", ["https://cdn.example.com", ""], ids=["behind-a-cdn", "alone"])
    def test_serves_the_names_of_the_release_for_ever(
        self, collected: Path, folder: Folder, configure, host: str
    ) -> None:
        """WhiteNoise asks the storage which names are immutable."""
        folder.record.write_text(folder.record.read_text().replace("https://cdn.example.com", host))
        configure(MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"])
        client = Client()
        for name in SOURCES:
            url = static(name)
            assert url.startswith(f"{host}/static/")
            response = client.get(url[len(host) :])
            assert response.status_code == 200
            assert b"".join(response) == (collected / url[len(f"{host}/static/") :]).read_bytes()
            assert "immutable" in response["Cache-Control"]
            response.close()

    def test_other_names_are_served_for_a_short_time(self, collected: Path, configure) -> None:
        configure(MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"])
        response = Client().get("/static/css/app.css")
        assert response.status_code == 200
        assert "immutable" not in response["Cache-Control"]
        response.close()

    def test_assets_of_another_release_in_the_same_folder_do_no_harm(self, collected: Path, configure) -> None:
        """WhiteNoise asks for the names of all files that it finds, and takes a ValueError for an answer."""
        (collected / "css" / "gone.0123456789ab.css").write_text("a {}")
        configure(MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"])
        response = Client().get("/static/css/gone.0123456789ab.css")
        assert response.status_code == 200
        assert "immutable" not in response["Cache-Control"]
        response.close()

    def test_its_own_storage_in_front(
        self, tmp_path: Path, folder: Folder, configure, use_storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who collects with WhiteNoise's storage keeps its compressed files, and gets the names of the release."""
        sources = tmp_path / "sources"
        sources.mkdir()
        (sources / "long.css").write_text("a { color: red }\n" * 200)
        folder.write(paths={"long.css": "long.111111111111.css"})
        monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(folder.path))
        trees = []
        for backend in ("whitenoise.storage.CompressedManifestStaticFilesStorage", f"{__name__}.Compressed"):
            root = tmp_path / backend
            configure(STATIC_ROOT=str(root), STATICFILES_DIRS=[sources])
            use_storage(backend)
            call_command("collectstatic", interactive=False, verbosity=0)
            trees.append({path.name: path.read_bytes() for path in root.iterdir()})
        assert trees[0] == trees[1]
        assert sum(name.endswith(".css.gz") for name in trees[1]) == 2
        use_storage(f"{__name__}.Compressed")
        assert static("long.css") == "https://cdn.example.com/static/long.111111111111.css"


class Compressed(CompressedManifestStaticFilesStorage, ReleaseStaticFilesStorage):
    """As the README has it."""


class TestDevelopment:
    @pytest.mark.parametrize("name", SOURCES)
    def test_sources_are_served_unchanged(self, released: Folder, configure, name: str) -> None:
        configure(DEBUG=True)
        url = static(name)
        response = serve(RequestFactory().get(url), name)
        assert b"".join(response) == (SITE / name).read_bytes()
        response.close()


class TestStock:
    """A project that goes back to Django's own storage reads the same file."""

    def test_all_that_asks_for_a_url(self, collected: Path, folder: Folder, use_storage) -> None:
        ours = self.urls()
        use_storage(STOCK, base_url="https://cdn.example.com/static/", manifest_storage=FileSystemStorage(folder.path))
        assert self.urls() == ours
        assert len(ours) == 4 * len(SOURCES)

    @staticmethod
    def urls() -> list[str]:
        django = engines["django"].from_string("{% load static %}{% static name %}")
        jinja = engines["jinja2"].from_string("{{ static(name) }}")
        found = []
        for name in SOURCES:
            found += [django.render({"name": name}), jinja.render({"name": name}), static(name)]
            found.append(str(Media(js=[name])))
        return found


FORKING = """
import os, pathlib, sys
import settings
settings.STORAGES["staticfiles"]["OPTIONS"] = {"preload": sys.argv[1] == "preload"}
import django
django.setup()
from django.templatetags.static import static
pathlib.Path(os.environ["TRUNDLE_RELEASE_DIR"], "staticfiles.json").unlink()
if os.fork() == 0:
    from trundle.errors import ReleaseError
    try:
        print(static("css/app.css"), flush=True)
    except ReleaseError:
        print("read too late", flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize(
    ("when", "expected"),
    [("preload", "https://cdn.example.com/static/" + PATHS["css/app.css"]), ("lazy", "read too late")],
)
def test_what_was_preloaded_is_there_after_a_fork(released: Folder, when: str, expected: str) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FORKING, when]
    answer = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    assert answer.stdout.strip() == expected


# What the memory that is a process's own grows by, in kB, while it names some of many files.
GROWING = """
import os, pathlib, sys
import settings
settings.STORAGES["staticfiles"]["OPTIONS"] = {"preload": sys.argv[1] == "preload"}
import django
django.setup()
from django.templatetags.static import static
def own():
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
if os.fork() == 0:
    before = own()
    for number in range(0, 20_000, 500):
        static(f"img/{number}.svg")
    print(own() - before, flush=True)
    os._exit(0)
os.wait()
"""


def test_what_was_preloaded_is_shared_by_the_workers(released: Folder) -> None:
    released.write(paths={f"img/{number}.svg": f"img/{number}.123456789012.svg" for number in range(20_000)})
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def grown(when: str) -> int:
        command = [sys.executable, "-c", GROWING, when]
        return int(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout)

    # Each has its own when it is read after the fork: some megabytes.
    assert grown("lazy") > 3000
    assert grown("preload") < 1500
