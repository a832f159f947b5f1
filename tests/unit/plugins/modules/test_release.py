# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import record
from ansible_collections.trundle.django.plugins.modules import release, release_info, release_retire, static_manifest

GOLDEN = Path(__file__).parents[3] / "golden"

Call = Callable[..., dict[str, Any]]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(name="archive")
def archive_fixture(tmp_path: Path) -> str:
    (tmp_path / "manage.py").write_text("code\n")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "manage.py", arcname="manage.py")
    return str(tmp_path / "code.tar.gz")


@pytest.fixture(name="root")
def root_fixture(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture(name="stage")
def stage_fixture(call_module: Call, root: Path, archive: str) -> Callable[..., None]:
    """Put whole releases on the host, as the stage role does."""

    def stage(*releases: str) -> None:
        for name in releases:
            call_module(release, root=str(root), release=name, src=archive)
            found = replace(record.parse((GOLDEN / "release-v1.json").read_bytes()), release=name)
            call_module(
                static_manifest,
                release=name,
                dest=str(root / "releases" / name),
                manifest=(GOLDEN / "staticfiles-v1.json").read_text(),
                record=record.dumps(found).decode(),
            )

    return stage


def test_present(call_module: Call, root: Path, archive: str) -> None:
    options = {"root": str(root), "release": "v1-rc", "src": archive}
    told = call_module(release, check=True, **options)
    assert told["changed"]
    assert told["releases"] == ["v1-rc"]
    assert not root.exists()

    found = call_module(release, **options)
    assert found["changed"]
    assert (found["active"], found["previous"], found["releases"], found["bad"]) == (None, None, ["v1-rc"], {})
    assert found["path"] == str(root / "releases" / "v1-rc")
    assert found["instance"] == r"v1\x2drc"
    assert found["diff"]["after"] == told["diff"]["after"]
    assert (root / "releases" / "v1-rc" / "manage.py").read_text() == "code\n"


def test_the_second_run_changes_nothing(call_module: Call, root: Path, archive: str, stage: Any) -> None:
    stage("v1")
    before = contents(root)
    assert not call_module(release, root=str(root), release="v1", src=archive)["changed"]
    assert call_module(release, root=str(root), release="v1", state="active")["changed"]
    active = call_module(release, root=str(root), release="v1", state="active")
    assert not active["changed"]
    assert active["diff"]["before"] == active["diff"]["after"]
    assert {**before, **contents(root)} == contents(root)


def test_check_mode_of_a_first_deploy(call_module: Call, root: Path, archive: str) -> None:
    told = call_module(release, check=True, root=str(root), release="v1", state="active")
    assert told["changed"]
    assert told["active"] == "v1"
    told = call_module(release, check=True, root=str(root), release="v1", src="/nowhere.tar.gz")
    assert told["changed"]
    assert not root.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "absent"}, "is the active one"),
        ({"state": "bad"}, "missing"),
        ({"release": "v9", "state": "active"}, "is not on this host"),
        ({"release": "a/b"}, "is not valid"),
        ({"root": "shop"}, "not an absolute path"),
        ({"release": "v9", "src": "/nowhere.tar.gz"}, "there is no archive"),
        ({"release": "v9", "owner": "no-such-user"}, "no user 'no-such-user'"),
    ],
)
def test_wrong_input_is_told_and_changes_nothing(
    call_module: Call, root: Path, stage: Any, options: dict[str, Any], message: str
) -> None:
    stage("v1")
    call_module(release, root=str(root), release="v1", state="active")
    before = contents(root)
    if "owner" in options:
        options = {**options, "src": str(root.parent / "code.tar.gz")}
    failed = call_module(release, **{"root": str(root), "release": "v1", **options})
    assert failed["failed"]
    assert message in failed["msg"]
    assert contents(root) == before


def test_a_failed_deploy_and_its_undoing(call_module: Call, root: Path, stage: Any) -> None:
    stage("v1", "v2", "v3")
    for name in ("v1", "v2", "v3", "v2"):
        call_module(release, root=str(root), release=name, state="active")
    bad = call_module(release, root=str(root), release="v3", state="bad", reason="it serves 503")
    assert bad["changed"]
    assert bad["bad"]["v3"]["reason"] == "it serves 503"
    assert not call_module(release, root=str(root), release="v3", state="bad", reason="it serves 503")["changed"]

    refused = call_module(release, root=str(root), release="v3", state="active")
    assert "set retry_bad" in refused["msg"]
    assert refused["bad"]["v3"]["reason"] == "it serves 503"

    info = call_module(release_info, root=str(root))
    assert (info["active"], info["previous"], info["rollback_target"], info["current"]) == ("v2", "v1", "v1", "v2")
    assert [entry["release"] for entry in info["releases"]] == ["v2", "v1", "v3"]
    assert [entry["bad"] for entry in info["releases"]] == [False, False, True]
    assert not info["draining"]
    # No rollback leads to a bad one.
    assert info["needed"] == ["v1", "v2"]

    assert call_module(release, root=str(root), release="v3", state="active", retry_bad=True)["active"] == "v3"


def test_info_of_a_host_without_releases(call_module: Call, root: Path) -> None:
    info = call_module(release_info, root=str(root))
    assert (info["active"], info["releases"], info["bad"], info["changed"]) == (None, [], {}, False)


def test_retire(call_module: Call, root: Path, stage: Any) -> None:
    stage("v1", "v2", "v3", "v4")
    for name in ("v1", "v2", "v3", "v4"):
        call_module(release, root=str(root), release=name, state="active")
    told = call_module(release_retire, check=True, root=str(root), keep=2, protect=["v1"])
    assert (told["changed"], told["removed"], told["kept"]) == (True, ["v2"], ["v4", "v3", "v1"])
    assert (root / "releases" / "v2").exists()
    done = call_module(release_retire, root=str(root), keep=2, protect=["v1"])
    assert (done["removed"], done["kept"], done["active"], done["previous"]) == (["v2"], ["v4", "v3", "v1"], "v4", "v3")
    assert not (root / "releases" / "v2").exists()
    assert not call_module(release_retire, root=str(root), keep=2, protect=["v1"])["changed"]


def test_retire_on_a_host_without_releases(call_module: Call, root: Path) -> None:
    done = call_module(release_retire, root=str(root))
    assert (done["changed"], done["removed"]) == (False, [])
    assert not root.exists()


@pytest.mark.parametrize(
    ("options", "message"), [({"keep": 0}, "At least one release"), ({"protect": ["../x"]}, "is not valid")]
)
def test_retire_refuses(call_module: Call, root: Path, options: dict[str, Any], message: str) -> None:
    assert message in call_module(release_retire, root=str(root), **options)["msg"]


def test_absent(call_module: Call, root: Path, stage: Any) -> None:
    stage("v1", "v2")
    call_module(release, root=str(root), release="v1", state="active")
    assert call_module(release, check=True, root=str(root), release="v2", state="absent")["releases"] == ["v1"]
    assert (root / "releases" / "v2").exists()
    assert call_module(release, root=str(root), release="v2", state="absent")["changed"]
    assert not (root / "releases" / "v2").exists()
    assert not call_module(release, root=str(root), release="v2", state="absent")["changed"]


def test_f27_a_roll_is_noted_until_it_has_ended(call_module: Call, root: Path, stage: Any) -> None:
    stage("v1", "v2")
    call_module(release, root=str(root), release="v1", state="active")
    assert call_module(release, root=str(root), release="v2", state="begun")["changed"]
    assert not call_module(release, root=str(root), release="v2", state="begun")["changed"]
    call_module(release, root=str(root), release="v2", state="active")
    noted = call_module(release_info, root=str(root))
    assert (noted["roll"]["release"], noted["roll"]["before"]) == ("v2", ["v1"])
    # Its own folder is kept, and that which it leads back to, whatever is to be kept.
    assert call_module(release_retire, root=str(root), keep=1)["removed"] == []
    assert call_module(release, root=str(root), release="v2", state="ended")["changed"]
    assert not call_module(release, root=str(root), release="v2", state="ended")["changed"]
    ended = call_module(release_info, root=str(root))
    assert (ended["roll"], ended["active"], ended["rollback_target"]) == (None, "v2", "v1")


def test_f27_a_roll_is_noted_on_a_host_without_releases(call_module: Call, root: Path) -> None:
    assert call_module(release, root=str(root), release="v1", state="begun", check=True)["changed"]
    assert not root.exists()
    assert call_module(release, root=str(root), release="v1", state="begun")["changed"]
    assert call_module(release_info, root=str(root))["roll"]["before"] == []
