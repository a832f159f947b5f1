# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the whole module takes of memory for large releases and large buckets, as a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks import measure, releases
from ansible_collections.trundle.django.benchmarks.hollow import Hollow
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

pytestmark = runs_once

GIGABYTE = 1024**3


def upload(server: Hollow, package: Path, folder: Path, **options: Any) -> measure.Usage:
    return run("static_upload", server, folder, src=str(package), **options)


def run(module: str, server: Hollow, folder: Path, **options: Any) -> measure.Usage:
    arguments = folder / "arguments.json"
    options = {
        "store": "s3://assets/static",
        "endpoint_url": server.endpoint,
        "access_key": "key",
        "secret_key": "secret",
        **options,
    }
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "AWS_EC2_METADATA_DISABLED": "true"}
    name = f"ansible_collections.trundle.django.plugins.modules.{module}"
    return measure.run([sys.executable, "-m", name, arguments], cwd=folder, env=env)


@contextmanager
def hollow(made_up: int = 0) -> Iterator[Hollow]:
    with Hollow(bucket="assets", prefix="static", made_up=made_up) as server:
        yield server


def test_20000_files_need_less_than_250_mb(tmp_path: Path) -> None:
    package = releases.made_up(tmp_path / "v1", count=20_000, size=1024)
    with hollow() as server:
        used = upload(server, package, tmp_path)
        # All files, the manifest and the record.
        assert len(server.sizes) == 20_002
    assert used.megabytes < 250


def test_a_file_of_2_gib_needs_less_than_250_mb(tmp_path: Path) -> None:
    package = releases.with_zeros(tmp_path / "v1", size=2 * GIGABYTE)
    with hollow() as server:
        used = upload(server, package, tmp_path)
        assert max(server.sizes.values()) == 2 * GIGABYTE
    assert used.megabytes < 250


def test_r66_a_million_objects_need_one_listing_and_less_than_300_mb(tmp_path: Path) -> None:
    package = releases.made_up(tmp_path / "v1", count=100, size=1024)
    needed = {}
    for made_up in (1_000, 1_000_000):
        with hollow(made_up) as server:
            needed[made_up] = upload(server, package, tmp_path, _ansible_check_mode=True).megabytes
            # One request for each thousand objects, and nothing else.
            assert server.requests == {"GET": made_up // 1_000}
    assert needed[1_000_000] < 300
    # The bucket is not kept in memory: only what the release is about.
    assert needed[1_000_000] - needed[1_000] < 50


def test_r63_a_million_objects_of_others_are_not_kept_in_memory_when_releases_are_retired(tmp_path: Path) -> None:
    package = releases.made_up(tmp_path / "v1", count=100, size=1024)
    needed = {}
    for made_up in (1_000, 1_000_000):
        with hollow() as server:
            upload(server, package, tmp_path)
            server.made_up = made_up
            needed[made_up] = run("static_retire", server, tmp_path, in_use=["v1"]).megabytes
    assert needed[1_000_000] < 300
    assert needed[1_000_000] - needed[1_000] < 50
