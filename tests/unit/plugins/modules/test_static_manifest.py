# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import record
from ansible_collections.trundle.django.plugins.modules import static_manifest

GOLDEN = Path(__file__).parents[3] / "golden"
RECORD = GOLDEN / "release-v1.json"
MANIFEST = GOLDEN / "staticfiles-v1.json"

Call = Callable[..., dict[str, Any]]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(name="store")
def store_fixture(tmp_path: Path) -> Iterator[str]:
    """A web server that holds what static_upload puts into a store."""
    folder = tmp_path / "store"
    (folder / ".releases" / "manifests").mkdir(parents=True)
    shutil.copy(RECORD, folder / ".releases" / "v1.json")
    name = f"{hashlib.sha256(MANIFEST.read_bytes()).hexdigest()}.json"
    shutil.copy(MANIFEST, folder / ".releases" / "manifests" / name)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(name="dest")
def dest_fixture(tmp_path: Path) -> Path:
    (tmp_path / "v1").mkdir()
    return tmp_path / "v1"


def texts() -> dict[str, str]:
    return {"manifest": MANIFEST.read_text(), "record": RECORD.read_text()}


def test_from_the_controller(call_module: Call, dest: Path) -> None:
    told = call_module(static_manifest, check=True, release="v1", dest=str(dest), **texts())
    assert told["changed"]
    assert list(dest.iterdir()) == []
    done = call_module(static_manifest, release="v1", dest=str(dest), **texts())
    assert done["changed"]
    assert done["diff"] == told["diff"]
    assert done["diff"]["before"] == ""
    assert json.loads(done["diff"]["after"])["css/app.css"] == "css/app.5b2858c9440c.css"
    assert (done["release"], done["files"], done["paths"]) == ("v1", 6, 4)
    assert done["static_url"] == "https://cdn.example.com/static/"
    assert (dest / "staticfiles.json").read_bytes() == MANIFEST.read_bytes()
    assert (dest / "release.json").read_bytes() == RECORD.read_bytes()
    again = call_module(static_manifest, release="v1", dest=str(dest), **texts())
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]


def test_from_a_folder_on_the_host(call_module: Call, dest: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copy(RECORD, source / "release.json")
    shutil.copy(MANIFEST, source / "staticfiles.json")
    assert call_module(static_manifest, release="v1", dest=str(dest), src=str(source))["changed"]
    (source / "staticfiles.json").unlink()
    assert "There is no" in call_module(static_manifest, release="v1", dest=str(dest), src=str(source))["msg"]


def test_from_the_store(call_module: Call, dest: Path, store: str) -> None:
    assert call_module(static_manifest, release="v1", dest=str(dest), url=store + "/")["changed"]
    assert (dest / "staticfiles.json").read_bytes() == MANIFEST.read_bytes()
    failed = call_module(static_manifest, release="v2", dest=str(dest), url=store)
    assert "Failed to fetch" in failed["msg"]
    assert "404" in failed["msg"]


def test_f3_the_manifest_of_another_release_is_refused(call_module: Call, dest: Path) -> None:
    failed = call_module(static_manifest, release="v2", dest=str(dest), **texts())
    assert "that of release 'v1', not of 'v2'" in failed["msg"]
    failed = call_module(static_manifest, release="v1", dest=str(dest), **{**texts(), "manifest": '{"paths": {}}'})
    assert "does not belong to release 'v1'" in failed["msg"]
    assert list(dest.iterdir()) == []


def test_f9_same_id_other_content_is_refused(call_module: Call, dest: Path) -> None:
    call_module(static_manifest, release="v1", dest=str(dest), **texts())
    other = json.loads(RECORD.read_text())
    other["static_url"] = "/elsewhere/"
    failed = call_module(static_manifest, release="v1", dest=str(dest), **{**texts(), "record": json.dumps(other)})
    assert "with another content" in failed["msg"]
    assert failed["differences"] == ["static_url: 'https://cdn.example.com/static/' -> '/elsewhere/'"]
    assert record.parse((dest / "release.json").read_bytes()).static_url == "https://cdn.example.com/static/"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required"),
        ({"manifest": "{}"}, "required together"),
        ({"src": "/nowhere", "url": "http://127.0.0.1/"}, "mutually exclusive"),
        ({"manifest": {"paths": {}}, "record": "{}"}, "hand over the file's text"),
        ({"manifest": "{}", "record": '{"schema": 9}'}, "schema 9 is not known"),
    ],
)
def test_wrong_input(call_module: Call, dest: Path, options: dict[str, Any], message: str) -> None:
    assert message in call_module(static_manifest, release="v1", dest=str(dest), **options)["msg"]


def test_the_release_has_to_be_staged(call_module: Call, tmp_path: Path) -> None:
    dest = str(tmp_path / "none")
    assert "stage the release's code first" in call_module(static_manifest, release="v1", dest=dest, **texts())["msg"]
    assert call_module(static_manifest, check=True, release="v1", dest=dest, **texts())["changed"]
