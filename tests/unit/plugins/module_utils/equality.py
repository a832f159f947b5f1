# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the comparisons with Django's own collectstatic share: virtualenvs, real trees, and how to compare."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from functools import cache
from pathlib import Path

from ansible_collections.trundle.django.benchmarks import trees
from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import (
    BUILD,
    DJANGOS,
    Site,
    django_python,
    interpreter,
)

PYTHONS = {"4.2": ("3.11", "3.12"), "5.2": ("3.11", "3.12"), "6.1": ("3.14", "3.13", "3.12")}
PACKAGES = (
    "whitenoise[brotli]",
    "django-storages[s3,azure]",
    "django-pipeline",
    "django-manifeststaticfiles-enhanced",
)
VARIANTS = (".gz", ".br", ".zst")
# Parts of the tree for the classes that take long: small ones, and for those that compress tiny ones.
SMALL = (100, 1_000_000)
TINY = (60, 250_000)


@cache
def python_of(series: str) -> Path:
    return django_python(series, PACKAGES, PYTHONS[series])


@cache
def real_tree() -> list[trees.Source]:
    """The static folders of the pinned packages, installed and copied once and kept under build/."""
    newest = [python_of(series) for series in DJANGOS if interpreter(PYTHONS[series])][-1]
    with (BUILD / "equality.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folders = trees.install(newest, BUILD / "bench")
        digest = hashlib.sha256(folders["packages"].name.encode() + trees.PATCHES.read_bytes()).hexdigest()[:8]
        return trees.make(folders, BUILD / "equality" / f"tree-{digest}")


@cache
def small_tree(limits: tuple[int, int] = SMALL) -> list[trees.Source]:
    return [source for source in real_tree() if _is_small(source[1], *limits)]


def _is_small(folder: Path, number: int, size: int) -> bool:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes) <= number and sum(sizes) <= size


def django_files(site: Site) -> tuple[dict[str, str], bytes]:
    """name -> SHA-256 of what manage.py makes, without the originals of hashed files, and the manifest."""
    run = site.manage("collectstatic", "--noinput", "--verbosity", "0")
    assert run.returncode == 0, run.stderr
    return own_files(site.folder / "root")


def own_files(root: Path) -> tuple[dict[str, str], bytes]:
    """The same of a STATIC_ROOT that Django has filled."""
    files = digests(root)
    files.pop("staticfiles.json")
    manifest = (root / "staticfiles.json").read_bytes()
    paths = json.loads(manifest)["paths"]
    kept = set(paths.values())
    gone = {name for name in paths if name not in kept}
    gone |= {name + extension for name in gone for extension in VARIANTS} - kept - set(paths)
    return {name: digest for name, digest in files.items() if name not in gone}, manifest


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def assert_equal(collected: Collected, dest: Path, expected: tuple[dict[str, str], bytes]) -> None:
    """Names, bytes, manifest, and the record that tells of them."""
    files = digests(dest / "static")
    different = sorted(name for name in {**files, **expected[0]} if files.get(name) != expected[0].get(name))
    assert different == []
    assert (dest / "staticfiles.json").read_bytes() == expected[1]
    assert {name: entry.sha256 for name, entry in collected.record.files.items()} == expected[0]


def link_tree(source: Path, target: Path) -> None:
    """A copy of a tree that takes no room."""
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
