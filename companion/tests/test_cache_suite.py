# SPDX-License-Identifier: BSD-3-Clause
"""What Django expects of every cache backend, told by the tests in its own source distribution."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import django
import pytest

import cache_servers

HERE = Path(__file__).parent
# Kept for the next run.
DOWNLOADS = HERE.parents[1] / "build" / "django-sdist"
MEMORY = Path("/dev/shm")  # noqa: S108  (pip makes a folder of its own in it)
KINDS = ("filebased", "memcached", "redis")
SKIPPED = {"test_cull", "test_zero_cull", "test_cull_delete_when_store_empty"}


@pytest.fixture(scope="module")
def django_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache tests of the Django that is installed here."""
    version = django.get_version()
    archive = DOWNLOADS / f"django-{version}.tar.gz"
    if not archive.exists():
        _download(version, archive, tmp_path_factory.mktemp("download"))
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(archive) as source:
        members = [member for member in source if member.name.split("/")[1:3] == ["tests", "cache"] and member.isfile()]
        for member in members:
            target = folder / "cache" / Path(member.name).name
            target.parent.mkdir(exist_ok=True)
            content = source.extractfile(member)
            assert content is not None
            target.write_bytes(content.read())
    return folder


def _download(version: str, archive: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # pip unpacks the whole source and asks setuptools what it is, so let both be near.
    options = ["--no-build-isolation", "--no-binary", "Django", f"Django=={version}", "--dest", str(folder)]
    # Warnings of pip are its own affair.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    if MEMORY.is_dir():
        env["TMPDIR"] = str(MEMORY)
    subprocess.run([*command, *options], check=True, env=env)
    (downloaded,) = folder.glob("*.tar.gz")
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: another run may look at the same moment.
    beside = archive.with_name(f"{archive.name}.{os.getpid()}")
    beside.write_bytes(downloaded.read_bytes())
    beside.replace(archive)


@pytest.fixture(scope="module")
def reports(django_tests: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """All side by side: most of the time the tests wait for values to expire."""
    folder = tmp_path_factory.mktemp("suite")
    with (
        cache_servers.running("memcached", folder) as memcached,
        cache_servers.running("redis-server", folder) as redis,
    ):
        locations = {
            "filebased": str(folder / "files"),
            "memcached": f"127.0.0.1:{memcached}",
            "redis": f"redis://127.0.0.1:{redis}",
        }
        processes = {kind: _start(kind, locations[kind], folder, django_tests) for kind in KINDS}
        outputs = {kind: process.communicate(timeout=300)[0] for kind, process in processes.items()}
    found = {}
    for kind in KINDS:
        path = folder / f"{kind}.json"
        assert path.exists(), f"Django's tests on {kind} did not run:\n{outputs[kind]}"
        found[kind] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _start(kind: str, location: str, folder: Path, django_tests: Path) -> subprocess.Popen[str]:
    paths = [str(HERE.parent / "src"), str(django_tests)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    env.pop("DJANGO_SETTINGS_MODULE")
    command = [sys.executable, str(HERE / "django_suite.py"), kind, location, str(folder / f"{kind}.json")]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("kind", KINDS)
def test_djangos_own_tests(reports: dict[str, dict[str, Any]], kind: str) -> None:
    report = reports[kind]
    assert report["failed"] == [], "\n\n".join(report["failed"])
    assert set(report["skipped"]) == SKIPPED
    assert report["run"] > 50
