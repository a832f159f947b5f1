# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example repositories: the same on every machine, and each release with exactly its own fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import icons
import make_repo
import pytest

ROOT = Path(__file__).resolve().parents[3]
SHOP = ROOT / "examples" / "shop"


# Django's manifest storage refuses a reference to a missing file; the collection's `missing_references: warn` does not.
LENIENT = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from {site}.settings import *
class Lenient(ManifestStaticFilesStorage):
    def hashed_name(self, name, content=None, filename=None):
        try:
            return super().hashed_name(name, content, filename)
        except ValueError:
            return name
STATIC_ROOT = BASE_DIR / "collected"
STORAGES["staticfiles"] = {{"BACKEND": "here.{storage}"}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repo") / "shop"
    return folder, make_repo.make("shop", folder)


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


def checkout(folder, tag, dest):
    dest.mkdir()
    subprocess.run(f"git -C {folder} archive {tag} | tar -x -C {dest}", shell=True, check=True)  # noqa: S602 (names of the test itself)
    return dest


def django(project, *arguments, settings="shop.settings", program=("manage.py",), **environment):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
    kept["PYTHONPATH"] = str(ROOT / "companion" / "src")
    given = {"DJANGO_SETTINGS_MODULE": settings, "ALLOWED_HOSTS": "testserver", **environment}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=project, env=kept | given, capture_output=True, text=True, check=False)


def collect(project, site="shop", storage="Lenient"):
    (project / "here.py").write_text(LENIENT.format(site=site, storage=storage))
    return django(project, "collectstatic", "--noinput", settings="here")


@pytest.fixture(scope="module")
def staged(shop, tmp_path_factory):
    """Stages a release as on a host: code, its manifest beside it, and a migrated database. Each one once."""
    root = tmp_path_factory.mktemp("releases")

    def stage(tag):
        project = root / tag
        if not project.exists():
            checkout(shop[0], tag, project)
            assert collect(project).returncode == 0
            (project / "collected" / "staticfiles.json").rename(project / "staticfiles.json")
            migrated = django(project, "migrate", TRUNDLE_RELEASE=tag)
            assert migrated.returncode == 0, migrated.stderr
        return project

    return stage


def ask(project, tag, *paths):
    """Fetch pages through the WSGI application itself; returns [status, body, X-Release] for each."""
    script = (
        "import json, sys; from shop.wsgi import application; from django.test import Client; c = Client();"
        "print(json.dumps([[r.status_code, r.content.decode(), r.headers.get('X-Release')]"
        " for r in map(c.get, sys.argv[1:])]))"
    )
    done = django(project, *paths, program=("-c", script), TRUNDLE_RELEASE=tag)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_input_gives_the_same_commits(shop, tmp_path, monkeypatch):
    """Whatever the settings of git, the clock or the umask of whoever makes it."""
    (tmp_path / "gitconfig").write_text("[user]\nname = Someone\n[commit]\ngpgsign = true\n[core]\nautocrlf = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
    before = os.umask(0o077)
    try:
        again = make_repo.make("shop", tmp_path / "again")
    finally:
        os.umask(before)
    assert again == shop[1]


def test_every_release_is_a_tag_upon_its_parent(shop):
    folder, tags = shop
    assert git(folder, "tag").split() == sorted(tags)
    assert git(folder, "log", "--format=%H", "main").split() == [tags["v2"], tags["v1"]]
    faults = {"v3", "v4-unhealthy", "v5-slow", "v6-wrong-id", "v7-breaking", "v8-additive"}
    assert {git(folder, "rev-parse", f"{tag}^").strip() for tag in faults} == {tags["v2"]}
    assert git(folder, "status", "--porcelain") == ""


def test_v2_differs_in_code_template_sheet_chunk_and_one_migration(shop):
    changes = dict(
        reversed(line.split("\t")) for line in git(shop[0], "diff", "--name-status", "v1", "v2").splitlines()
    )
    assert {
        "catalog/models.py": "M",
        "catalog/templates/catalog/home.html": "M",
        "catalog/static/catalog/css/tokens.css": "M",
        "catalog/static/catalog/js/wheel-finder.js": "M",
        "catalog/migrations/0003_product_rating.py": "A",
    }.items() <= changes.items()
    assert [path for path in changes if "migrations" in path] == ["catalog/migrations/0003_product_rating.py"]


@pytest.mark.parametrize("tag", ["v3", "v4-unhealthy", "v5-slow", "v6-wrong-id"])
def test_a_fault_is_one_file(shop, tag):
    assert len(git(shop[0], "diff", "--name-only", "v2", tag).splitlines()) == 1


def test_migrations_fail_half_way(staged, shop, tmp_path):
    project = checkout(shop[0], "v9-halfway", tmp_path / "halfway")
    assert collect(project).returncode == 0
    (project / "collected" / "staticfiles.json").rename(project / "staticfiles.json")
    shutil.copy(staged("v2") / "db.sqlite3", project)
    failed = django(project, "migrate", TRUNDLE_RELEASE="v9-halfway")
    assert failed.returncode != 0
    assert "The scales do not answer for beech-rolling-pin" in failed.stderr
    shown = django(project, "showmigrations", "catalog", TRUNDLE_RELEASE="v9-halfway").stdout
    assert "[X] 0005_product_grams" in shown
    assert "[ ] 0006_weigh" in shown


def test_what_v7_drops_v2_reads(staged, shop, tmp_path):
    project = checkout(shop[0], "v7-breaking", tmp_path / "breaking")
    assert collect(project).returncode == 0
    (project / "collected" / "staticfiles.json").rename(project / "staticfiles.json")
    old = shutil.copytree(staged("v2"), tmp_path / "v2")
    assert django(project, "migrate", DATABASE_URL=f"sqlite:///{old}/db.sqlite3").returncode == 0
    script = "import django; django.setup(); from catalog.models import Product; Product.objects.first()"
    assert "no such column: catalog_product.rating" in django(old, program=("-c", script)).stderr


def test_the_wheel_and_django_are_pinned(tmp_path):
    wheel = tmp_path / "django_trundle-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK wheel")
    make_repo.make("shop", tmp_path / "repo", django="4.2", wheel=wheel)
    lines = (tmp_path / "repo" / "requirements.txt").read_text().splitlines()
    assert f"Django=={make_repo.DJANGO['4.2']}" in lines
    assert lines[-1] == f"./vendor/{wheel.name}"
    assert (tmp_path / "repo" / "vendor" / wheel.name).read_bytes() == b"PK wheel"
    assert all("==" in line for line in lines[:-1])


@pytest.mark.parametrize(
    ("wanted", "pin"), [("5.2", make_repo.DJANGO["5.2"]), ("6.0", "6.0.*"), ("5.2.8", "5.2.8"), (None, "5.2.19")]
)
def test_requirements(wanted, pin):
    assert make_repo.requirements("Django==5.2.19\nx==1\n", wanted, None) == f"Django=={pin}\nx==1\n"


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, capsys, monkeypatch):
    (tmp_path / "precious").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["make_repo.py", "--dest", str(tmp_path)])
    assert make_repo.main() == 1
    assert "is not empty and was not made by this program" in capsys.readouterr().err
    assert (tmp_path / "precious").read_text() == "mine"


def test_its_own_folder_is_made_anew(tmp_path, monkeypatch, capsys):
    first = make_repo.make("stock", tmp_path / "repo")
    (tmp_path / "repo" / "stray").write_text("old")
    monkeypatch.setattr(sys, "argv", ["make_repo.py", "--dest", str(tmp_path / "repo"), "--site", "stock"])
    assert make_repo.main() == 0
    assert json.loads(capsys.readouterr().out)["tags"] == first
    assert not (tmp_path / "repo" / "stray").exists()


def test_no_two_icons_are_alike():
    drawn = icons.icons()
    assert len(drawn) == icons.COUNT
    assert len({text.split("aria-label")[0] + text.split(">", 1)[1] for text in drawn.values()}) == icons.COUNT


def test_f10_the_missing_source_map_stops_stock_collection(shop, tmp_path):
    project = checkout(shop[0], "v1", tmp_path / "v1")
    stopped = collect(project, storage="ManifestStaticFilesStorage")
    assert stopped.returncode != 0
    assert "vendor.js.map" in stopped.stderr
    collected = collect(project)
    assert collected.returncode == 0, collected.stderr
    assert len(json.loads((project / "collected" / "staticfiles.json").read_text())["paths"]) > 300


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_pages_name_their_release_and_hashed_assets(staged, tag):
    project = staged(tag)
    names = json.loads((project / "staticfiles.json").read_text())["paths"]
    pages = ("/", "/products/", "/products/tea-trolley/", "/about/", "/admin/login/")
    for status, body, _header in ask(project, tag, *pages):
        assert status == 200
        assert f'<meta name="release" content="{tag}">' in body
        assert body.count(tag) > 1  # visible too
        assert f"/static/{names['admin/css/base.css' if 'password' in body else 'catalog/css/app.css']}" in body
    checked = django(project, "makemigrations", "--check", "--dry-run")
    assert checked.returncode == 0, checked.stdout


def test_v1_runs_on_the_tables_of_v2(staged, tmp_path):
    """A rollback finds the newer tables: the old code reads and writes them."""
    old = shutil.copytree(staged("v1"), tmp_path / "v1")
    shutil.copy(staged("v2") / "db.sqlite3", old)
    script = (
        "import django; django.setup(); from catalog.models import Product;"
        "p = Product.objects.create(name='n', slug='n', summary='s', description='d', price=1, icon='i');"
        "print(Product.objects.count(), hasattr(p, 'rating'))"
    )
    done = django(old, program=("-c", script))
    assert done.stdout.split() == ["10", "False"], done.stderr


def test_v3_passes_collection_and_migration_and_fails_at_import(staged):
    project = staged("v3")
    assert django(project, "check").returncode == 0
    failed = django(project, program=("-c", "import shop.wsgi"), TRUNDLE_RELEASE="v3")
    assert failed.returncode != 0
    assert "No module named 'shop.tracing'" in failed.stderr


@pytest.mark.parametrize(
    ("tag", "status", "release"),
    [("v1", 200, "v1"), ("v2", 200, "v2"), ("v4-unhealthy", 503, "v4-unhealthy"), ("v6-wrong-id", 200, "v1")],
)
def test_f19_health_of_each_release(staged, tag, status, release):
    project = staged(tag)
    (answered, body, header), (home, _body, _header) = ask(project, tag, "/health/ready/", "/")
    assert (answered, header, json.loads(body)["release"]) == (status, release, release)
    assert home == 200


def test_f19_v5_is_slow_to_boot(staged):
    project = staged("v5-slow")
    script = "import time; t = time.monotonic(); import shop.wsgi; print(time.monotonic() - t)"
    slow = django(project, program=("-c", script), TRUNDLE_RELEASE="v5-slow", SHOP_BOOT_SECONDS="3")
    quick = django(project, program=("-c", script), TRUNDLE_RELEASE="v5-slow", SHOP_BOOT_SECONDS="0")
    assert float(slow.stdout) >= 3 > float(quick.stdout)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", {"ENGINE": "django.db.backends.sqlite3"}),
        ("sqlite:////srv/shop/db.sqlite3", {"NAME": "/srv/shop/db.sqlite3"}),
        (
            "postgres://sho%40p:p%2Fw@db.example.com:5433/shop",
            {"USER": "sho@p", "PASSWORD": "p/w", "HOST": "db.example.com", "PORT": "5433", "NAME": "shop"},
        ),
        ("postgresql:///shop", {"USER": "", "HOST": "", "PORT": "", "NAME": "shop"}),
    ],
)
def test_database_url(url, expected, tmp_path):
    script = "import json; from shop.settings import DATABASES; print(json.dumps(DATABASES['default'], default=str))"
    done = django(SHOP / "site", program=("-Bc", script), DATABASE_URL=url)
    assert expected.items() <= json.loads(done.stdout).items()


def test_an_unknown_database_is_refused():
    done = django(SHOP / "site", program=("-Bc", "import shop.settings"), DATABASE_URL="oracle://x/y")
    assert "DATABASE_URL must start with postgres://" in done.stderr


def test_the_stock_site_reads_its_manifest_beside_its_code(tmp_path):
    make_repo.make("stock", tmp_path / "repo")
    project = checkout(tmp_path / "repo", "v1", tmp_path / "v1")
    environment = {"settings": "stock.settings", "TRUNDLE_RELEASE": "v1"}
    collected = django(project, "collectstatic", "--noinput", **environment)
    assert collected.returncode == 0, collected.stderr
    names = json.loads((project / "staticfiles.json").read_text())["paths"]
    assert not (project / "static" / "staticfiles.json").exists()
    shutil.rmtree(project / "static")  # a web host has no assets
    script = (
        "from stock.wsgi import application; from django.test import Client; c = Client();"
        "print(c.get('/').content.decode(), c.get('/more/').status_code, c.get('/healthz').content.decode())"
    )
    done = django(project, program=("-c", script), **environment)
    assert done.returncode == 0, done.stderr
    assert f"/static/{names['pages/site.css']}" in done.stdout
    assert '<meta name="release" content="v1">' in done.stdout
    assert done.stdout.split()[-2:] == ["200", "ok"]
