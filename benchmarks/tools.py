# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that upload measurements compare: each takes one folder of files to one prefix of a bucket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks import measure, servers
from ansible_collections.trundle.django.benchmarks.measure import Usage

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "static"
KEYS = {
    "AWS_ACCESS_KEY_ID": servers.ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
MANAGE_PY = """\
import os, sys

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
SECRET_KEY = "not a secret"
INSTALLED_APPS = {apps!r}
STATIC_URL = "/static/"
STATICFILES_DIRS = [{folder!r}]
AWS_S3_ENDPOINT_URL = {endpoint!r}
AWS_STORAGE_BUCKET_NAME = {bucket!r}
AWS_LOCATION = {prefix!r}
COLLECTFASTA_STRATEGY = "collectfasta.strategies.boto3.Boto3Strategy"
COLLECTFASTA_THREADS = 16
STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {{"BACKEND": "storages.backends.s3.S3StaticStorage"}},
}}
"""


@dataclass(frozen=True)
class Place:
    """python: of the virtualenv that the peers are in; work: a folder for what a tool needs beside it."""

    python: Path
    work: Path
    endpoint: str

    @property
    def packages(self) -> Path:
        return next((self.python.parents[1] / "lib").glob("python*/site-packages"))

    @property
    def target(self) -> str:
        return f"s3://{servers.BUCKET}/{PREFIX}"


# (place, the folder that collectstatic wrote) -> what the run took
Tool = Callable[[Place, Path], Usage]


def ours(place: Place, package: Path) -> Usage:
    """The module as Ansible starts it, from the start of its Python to the end."""
    options = {
        "src": str(package),
        "store": place.target,
        "endpoint_url": place.endpoint,
        "access_key": servers.ACCESS_KEY,
        "secret_key": servers.SECRET_KEY,
    }
    module = "ansible_collections.trundle.django.plugins.modules.static_upload"
    return _module(place, sys.executable, module, options, {"PYTHONPATH": str(ROOT / "build" / "import")})


def s5cmd(place: Place, package: Path) -> Usage:
    program = place.packages / "s5cmd" / "bin" / "s5cmd"
    # Its folders end in a slash: what is in them is meant.
    paths = [f"{package / 'static'}/", f"{place.target}/"]
    return _run(place, [program, "--endpoint-url", place.endpoint, "--log", "error", "sync", *paths])


def aws_s3_sync(place: Place, package: Path) -> Usage:
    words = ["--endpoint-url", place.endpoint, "s3", "sync", "--only-show-errors"]
    return _run(place, [place.python.with_name("aws"), *words, package / "static", place.target])


def boto3_threads(place: Place, package: Path) -> Usage:
    script = Path(__file__).with_name("boto3_threads.py")
    return _run(place, [place.python, script, package / "static", place.endpoint, servers.BUCKET, PREFIX])


def s3_sync(place: Place, package: Path) -> Usage:
    """Ansible's own, community.aws.s3_sync."""
    options = {
        "file_root": str(package / "static"),
        "bucket": servers.BUCKET,
        "key_prefix": PREFIX,
        "endpoint_url": place.endpoint,
        "region": "us-east-1",
        # Its default leaves out files whose names start with a dot, and the others upload them.
        "exclude": "",
    }
    return _module(place, place.python, "ansible_collections.community.aws.plugins.modules.s3_sync", options)


def django_storages(place: Place, package: Path) -> Usage:
    return _collectstatic(place, package, ["django.contrib.staticfiles"])


def collectfasta(place: Place, package: Path) -> Usage:
    return _collectstatic(place, package, ["collectfasta", "django.contrib.staticfiles"])


PEERS: dict[str, Tool] = {
    "s5cmd": s5cmd,
    "aws-s3-sync": aws_s3_sync,
    "boto3-threads": boto3_threads,
    "s3_sync": s3_sync,
    "django-storages": django_storages,
    "collectfasta": collectfasta,
}


def _collectstatic(place: Place, package: Path, apps: list[str]) -> Usage:
    """The files are hashed already: only the upload is compared, not Django's own hashing."""
    settings = SETTINGS.format(
        apps=apps, folder=str(package / "static"), endpoint=place.endpoint, bucket=servers.BUCKET, prefix=PREFIX
    )
    (place.work / "manage.py").write_text(MANAGE_PY, encoding="utf-8")
    (place.work / "site_settings.py").write_text(settings, encoding="utf-8")
    return _run(place, [place.python, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"])


def _module(
    place: Place, python: str | Path, name: str, options: dict[str, Any], env: Mapping[str, str] | None = None
) -> Usage:
    arguments = place.work / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}), encoding="utf-8")
    return _run(place, [python, "-m", name, arguments], env)


def _run(place: Place, command: list[str | Path], env: Mapping[str, str] | None = None) -> Usage:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return measure.run(command, cwd=place.work, env={**clean, **KEYS, **(env or {})})


def install(where: Path, requirements: Path, base: str) -> Path:
    """The peers' virtualenv, made anew when the requirements change."""
    python, stamp, wanted = where / "bin" / "python", where / ".requirements", requirements.read_text(encoding="utf-8")
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([base, "-m", "venv", "--clear", where], check=True)
        options = ["--quiet", "--disable-pip-version-check", "-r", str(requirements)]
        subprocess.run([python, "-m", "pip", "install", *options], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python
