# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import virtualenv
from ansible_collections.trundle.django.plugins.modules import release, release_info, release_space, release_stage
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import BUILD

# The one that makes the environments of the tests.
UV = str(BUILD / "bootstrap" / "bin" / "uv")
GOLDEN = Path(__file__).parents[3] / "golden"
# Nothing to download: an environment without packages is soon made.
REQUIREMENTS = "# nothing\n"

Call = Callable[..., dict[str, Any]]


def pack(tmp_path: Path, requirements: str | None = REQUIREMENTS) -> Path:
    code = tmp_path / "code"
    code.mkdir(exist_ok=True)
    (code / "manage.py").write_text("# the site\n")
    if requirements is not None:
        (code / "requirements.txt").write_text(requirements)
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(code, arcname=".")
    return tmp_path / "code.tar.gz"


@pytest.fixture(name="root")
def root_fixture(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture(name="options")
def options_fixture(tmp_path: Path, root: Path) -> dict[str, Any]:
    return {
        "root": str(root),
        "release": "v1",
        "src": str(pack(tmp_path)),
        "manifest": (GOLDEN / "staticfiles-v1.json").read_text(),
        "record": (GOLDEN / "release-v1.json").read_text(),
        "python": sys.executable,
        "installer": "uv",
        "uv": UV,
        "host": "web3",
    }


def test_a_whole_release_is_staged_once(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    told = call_module(release_stage, check=True, **options)
    assert told["changed"]
    assert (told["virtualenv"], told["made"]) == (None, None)
    assert not (root / "releases").exists()
    found = call_module(release_stage, **options)
    assert found["changed"]
    assert found["made"]
    folder = root / "releases" / "v1"
    assert (folder / "manage.py").is_file()
    assert (folder / ".venv").resolve() == Path(found["virtualenv"])
    assert (folder / "staticfiles.json").read_text() == options["manifest"]
    assert call_module(release_info, root=str(root))["releases"][0]["complete"]
    assert found["diff"]["after"]["releases"] == ["v1"]
    for check in (True, False):
        again = call_module(release_stage, check=check, **options)
        assert not again["changed"]
        assert again["virtualenv"] == found["virtualenv"]


def test_what_was_cut_off_is_staged_anew(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    call_module(release_stage, **options)
    folder = root / "releases" / "v1"
    (folder / "release.json").unlink()
    (folder / "manage.py").write_text("half")
    assert call_module(release_stage, check=True, **options)["changed"]
    assert call_module(release_stage, **options)["changed"]
    assert (folder / "manage.py").read_text() == "# the site\n"


def test_f28_a_stage_that_fails_leaves_nothing(
    call_module: Call, tmp_path: Path, root: Path, options: dict[str, Any]
) -> None:
    pack(tmp_path, "--no-index\nno-such-package==1.0\n")
    found = call_module(release_stage, **options)
    assert found["msg"].startswith("Release v1 is not staged on web3: Failed to install ")
    assert found["msg"].endswith("nothing half is left of it; the next run stages it anew.")
    assert list((root / "releases").iterdir()) == []
    assert list(root.glob("virtualenvs/*")) == []


def test_code_without_requirements_is_refused(
    call_module: Call, tmp_path: Path, root: Path, options: dict[str, Any]
) -> None:
    (tmp_path / "code" / "requirements.txt").unlink()
    pack(tmp_path, None)
    found = call_module(release_stage, **options)
    assert "There is no requirements file" in found["msg"]
    assert list((root / "releases").iterdir()) == []


def test_a_package_that_is_missing_is_told_or_refused(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    look_for = {"no_such_package": "some-package>=1", "json": "never-needed"}
    found = call_module(release_stage, **options, look_for=look_for, strict=True)
    assert "web3: it runs without no_such_package: add 'some-package>=1' to requirements.txt." in found["msg"]
    assert list((root / "releases").iterdir()) == []
    assert call_module(release_stage, **options, look_for=look_for)["missing"] == ["some-package>=1"]


def test_a_bad_release_is_refused_until_it_is_asked_for(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    call_module(release_stage, **options)
    call_module(release, root=str(root), release="v1", state="bad", reason="it serves 503")
    assert "Release 'v1' has been bad since" in call_module(release_stage, **options)["msg"]
    # What is whole stays where it is.
    assert (root / "releases" / "v1" / "release.json").is_file()
    assert call_module(release_stage, **options, retry_bad=True)["changed"]
    assert call_module(release_info, root=str(root))["bad"] == {}


def test_f9_the_same_id_with_other_content_is_refused(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    call_module(release_stage, **options)
    other = options["record"].replace('"size": 96', '"size": 97')
    assert other != options["record"]
    found = call_module(release_stage, **{**options, "record": other})
    assert "is on this host with another content" in found["msg"]
    assert (root / "releases" / "v1" / "release.json").read_text() == options["record"]


def test_a_manifest_of_another_release_is_refused_before_anything_is_changed(
    call_module: Call, root: Path, options: dict[str, Any]
) -> None:
    found = call_module(release_stage, **{**options, "manifest": options["manifest"] + " "})
    assert "failed" in found
    assert not (root / "releases").exists()


def test_a_manifest_that_is_no_text_is_refused(call_module: Call, options: dict[str, Any]) -> None:
    found = call_module(release_stage, **{**options, "manifest": {"paths": {}}})
    assert found["msg"].startswith("The option manifest is not a text")


def test_uv_that_is_not_there_is_told_before_anything_is_changed(
    call_module: Call, root: Path, options: dict[str, Any]
) -> None:
    found = call_module(release_stage, **{**options, "uv": "no-such-uv"})
    assert found["msg"].startswith("There is no program 'no-such-uv' here")
    assert not (root / "releases").exists()


def test_a_release_that_is_there_needs_no_room(call_module: Call, root: Path, options: dict[str, Any]) -> None:
    call_module(release_stage, **options)
    huge = {"bytes": 2**60, "files": 1}
    said = vars(virtualenv.read_requirements(root / "releases" / "v1" / "requirements.txt"))
    size = {"archive": huge, "code": huge, "virtualenv": huge, "requirements": said}
    asked = {"root": str(root), "python": sys.executable, "size": size}
    found = call_module(release_space, release="v1", **asked)
    assert (found["complete"], found["bad"], found["needed"]) == (True, False, {"bytes": 0, "files": 0})
    assert "has no room" in call_module(release_space, release="v2", **asked)["msg"]
