# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small project with migrations, in several releases, on real databases."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.migrate import Options, Project
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import (
    MANAGE_PY,
    django_python,
    interpreter,
)

SERVER = Path(__file__).parents[3] / "integration" / "targets" / "setup_postgresql" / "files" / "postgresql.py"
PACKAGES = ("psycopg[binary]",)
# The linter needs Python 3.9.
PYTHONS = {"4.2": ("3.9", "3.11"), "5.2": ("3.11", "3.12"), "6.1": ("3.13", "3.12")}

SETTINGS = """\
import json, os
SECRET_KEY = "not a secret"
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": json.loads(os.environ["SHOP_DATABASE"])}
USE_TZ = True
"""

MODELS = """\
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=50)
    old = models.IntegerField(default=0)
    price = models.DecimalField(max_digits=6, decimal_places=2, null=True)


class Order(models.Model):
    products = models.ManyToManyField(Product)
"""

FIRST = """\
migrations.CreateModel("Product", [
    ("id", models.BigAutoField(primary_key=True)),
    ("name", models.CharField(max_length=50)),
    ("old", models.IntegerField(default=0)),
    ("price", models.DecimalField(max_digits=6, decimal_places=2, null=True)),
]),
migrations.CreateModel("Order", [
    ("id", models.BigAutoField(primary_key=True)),
    ("products", models.ManyToManyField(to="shop.product")),
]),
"""


def migration(operations: str, *, after: str | None, extra: str = "", before: str = "") -> str:
    """The text of a migration; before: lines at its top, extra: attributes of its class."""
    dependencies = [("shop", after)] if after else []
    return (
        f"from django.db import migrations, models\n{before}\n\n"
        f"class Migration(migrations.Migration):\n    dependencies = {dependencies!r}\n    {extra}\n"
        f"    operations = [\n{operations}\n    ]\n"
    )


def python_of(series: str) -> Path:
    return django_python(series, PACKAGES, PYTHONS[series])


def newest_python() -> Path:
    return python_of([name for name, versions in PYTHONS.items() if interpreter(versions)][-1])


class Shop:
    """Releases of the project, and a database that is theirs."""

    def __init__(self, folder: Path, python: Path, database: Mapping[str, Any]) -> None:
        self.folder, self.python, self.database = folder, python, dict(database)

    def release(self, name: str, models: str = MODELS, **migrations: str) -> Path:
        """A release with 0001_first, and with these migrations: a name and the operations."""
        path = self.folder / name
        files = {
            "manage.py": MANAGE_PY,
            "site_settings.py": SETTINGS,
            "shop/__init__.py": "",
            "shop/models.py": models,
            "shop/migrations/__init__.py": "",
            "shop/migrations/0001_first.py": migration(FIRST, after=None),
        }
        last = "0001_first"
        for migration_name, operations in migrations.items():
            name_there = migration_name.lstrip("_")
            text = operations if "class Migration" in operations else migration(operations, after=last)
            files[f"shop/migrations/{name_there}.py"] = text
            last = name_there
        for file, text in files.items():
            (path / file).parent.mkdir(parents=True, exist_ok=True)
            (path / file).write_text(text)
        return path

    def project(self, path: Path, **environment: str) -> Project:
        given = {"SHOP_DATABASE": json.dumps(self.database), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        return Project(path=path, python=str(self.python), environment=given)

    def options(self, path: Path, linter: Path, *, running: Path | None = None, **changes: Any) -> Options:
        """Options whose limits suit tests."""
        options = Options(
            project=replace(self.project(path), retries=changes.pop("retries", 0)),
            running=self.project(running) if running else None,
            policy="safe",
            linter_path=linter,
            lock_timeout=5,
            statement_timeout=60,
            lock_wait=20,
            dry_run=False,
        )
        return replace(options, **changes)

    def manage(self, path: Path, *arguments: str) -> str:
        environment = {name: str(value) for name, value in self.project(path).environment.items()}
        command = [self.python, "manage.py", *arguments]
        done = subprocess.run(command, cwd=path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class Postgres:
    """A server of the tests' own. Its template has the migration that every release begins with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()
        self.template = "template1"

    def server(self, command: str) -> None:
        subprocess.run([sys.executable, SERVER, command, self.folder], check=True)

    def prepare(self) -> None:
        folder = self.folder
        (folder / "template").mkdir()
        shop = Shop(folder / "template", newest_python(), self.database())
        shop.manage(shop.release("v1"), "migrate", "-v", "0")
        self.template = shop.database["NAME"]

    def sql(self, text: str, database: str = "postgres") -> str:
        done = subprocess.run(self.psql(text, database), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def psql(self, text: str, database: str) -> list[str]:
        options = ["-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1"]
        return ["psql", "-h", f"{self.folder}/run", "-d", database, *options, "-c", text]

    def database(self) -> dict[str, Any]:
        """A new database, as Django's settings name it."""
        name = f"shop{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {self.template}")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "HOST": f"{self.folder}/run",
        }
