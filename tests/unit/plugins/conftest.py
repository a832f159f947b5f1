# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real S3 server for the tests of everything that speaks to a store.

Nothing of it is imported before a test asks for it: the tests of what managed hosts run share this folder,
and their Python has neither obstore nor moto.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parents[2] / "integration" / "targets" / "setup_s3" / "files" / "s3_server.py"


class S3Server:
    """The server and one folder of its bucket, which belongs to the test alone."""

    def __init__(self, state: dict[str, Any], prefix: str) -> None:
        self.state = state
        self.prefix = prefix

    @property
    def url(self) -> str:
        return f"s3://{self.state['bucket']}/{self.prefix}"

    @property
    def params(self) -> dict[str, Any]:
        """The connection options of a module."""
        return {"store": self.url, "region": None, "profile": None, "session_token": None, "retries": 2} | {
            name: self.state[name] for name in ("endpoint_url", "access_key", "secret_key")
        }

    def control(self, *rules: dict[str, Any]) -> None:
        """Forget the requests so far, and from now on answer with these faults."""
        body = json.dumps({"fail": rules}).encode()
        request = urllib.request.Request(f"{self.state['endpoint_url']}/_control", data=body, method="POST")
        urllib.request.urlopen(request).close()

    def log(self) -> list[dict[str, str]]:
        """The requests since the last control: method, path, query, token."""
        with urllib.request.urlopen(f"{self.state['endpoint_url']}/_control") as answer:
            entries: list[dict[str, str]] = json.load(answer)
        return entries

    def requests(self, *methods: str) -> list[tuple[str, str]]:
        """The requests since the last control: method and name below the prefix."""
        top = f"/{self.state['bucket']}/{self.prefix}/"
        return [
            (entry["method"], entry["path"].removeprefix(top))
            for entry in self.log()
            if not methods or entry["method"] in methods
        ]


@pytest.fixture(scope="session")
def s3_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("s3")
    state_file, log = folder / "state.json", folder / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-W", "ignore", SERVER, state_file], stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + 60
        while not state_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The S3 server did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield json.loads(state_file.read_text())
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def s3(
    s3_state: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[S3Server]:
    """An empty folder in the bucket, and an environment without credentials of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    server = S3Server(s3_state, f"{abs(hash(request.node.nodeid)):x}/static")
    server.control()
    yield server
    with contextlib.suppress(OSError):
        server.control()


@pytest.fixture
def make_release(tmp_path: Path) -> Any:
    """A function that writes what collectstatic writes: files are name -> (stored name, content)."""
    from ansible_collections.trundle.django.plugins.module_utils import headers
    from ansible_collections.trundle.django.plugins.module_utils.manifest import Manifest, sha256
    from ansible_collections.trundle.django.plugins.module_utils.record import FileEntry, Record, Source, dumps

    def write(release: str, files: dict[str, tuple[str, bytes]], extra: dict[str, bytes] | None = None) -> Path:
        folder = tmp_path / f"src-{release}-{len(list(tmp_path.iterdir()))}"
        stored = dict(files.values()) | (extra or {})
        paths = {name: key for name, (key, _content) in files.items()}
        hashed = {key for name, key in paths.items() if key != name}
        entries = {}
        for key, content in stored.items():
            path = folder / "static" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            immutable = (headers.variant_of(key, stored) or key) in hashed
            entries[key] = FileEntry(
                size=len(content),
                sha256=sha256(content),
                content_type=headers.content_type(key, stored),
                cache_control=headers.cache_control(immutable),
                content_encoding=headers.content_encoding(key, stored),
            )
        manifest = json.dumps({"paths": paths, "version": "1.1", "hash": ""}).encode()
        record = Record(
            release=release,
            created="2026-11-21T09:00:00Z",
            source=Source("abc", False),
            django="5.2.8",
            layout="hashed",
            static_url="/static/",
            manifest=Manifest(sha256(manifest), paths),
            files=entries,
        )
        (folder / "staticfiles.json").write_bytes(manifest)
        (folder / "release.json").write_bytes(dumps(record))
        return folder

    return write
