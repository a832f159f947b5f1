# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: options in, result out, and no value of the environment in between."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible import release
from ansible.module_utils.testing import patch_module_args

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected, Worker
from ansible_collections.trundle.django.plugins.module_utils.collect_options import Options
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.manifest import Manifest
from ansible_collections.trundle.django.plugins.module_utils.record import FileEntry, Record, Source
from ansible_collections.trundle.django.plugins.modules import collectstatic

KEY = "css/app.55e7cbb9ba48.css"
ENVIRONMENT = {
    "DEBUG": "1",
    "URL": "https://cdn.example.com/static/",
    "SECRET_KEY": "hunter2",
    "WORKERS": 4,
    "GONE": None,
}


def collected(changed: bool = True) -> Collected:
    record = Record(
        release="v1",
        created="2026-11-21T09:00:00Z",
        source=Source(),
        django="5.2.8",
        layout="hashed",
        static_url="https://cdn.example.com/static/",
        manifest=Manifest("0" * 64, {"css/app.css": KEY}),
        files={KEY: FileEntry(812, "1" * 64, "text/css", "no-cache")},
    )
    worker = {
        "django": "5.2.8",
        "python": "3.13.1",
        "settings": "shop.settings",
        "storage": {"configured": "a", "used": "a", "reason": None},
        "collected": 1,
        "duplicates": [],
        "missing_references": [],
        "files": {KEY: {"size": 812, "sha256": "1" * 64, "hashed": True, "variant": False}},
        "cache": {"reused": 1, "written": 1, "rewritten": 1, "damaged": ["a1"], "removed": 7},
        "written": [KEY],
        "seconds": {"start": 0.1},
    }
    return Collected(changed, record, [], [KEY], b"{}", worker, ["take care"], 1.5)


class Run:
    """One run of the module with the engine replaced; keeps what the engine was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.asked: Options | None = None
        self.error: TrundleError | None = None

    def __call__(self, **params: Any) -> dict[str, Any]:
        self.monkeypatch.setattr(collectstatic, "collect", self.engine)
        arguments = {"project_path": "/srv/shop", "release": "v1", "dest": "/srv/out/v1", **params}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            collectstatic.main()
        self.output = self.capsys.readouterr().out
        result: dict[str, Any] = json.loads(self.output)
        return result

    def engine(self, options: Options, *, worker: Worker) -> Collected:
        self.asked, self.worker = options, worker
        if self.error is not None:
            raise self.error
        return collected()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


def test_options_reach_the_engine(run: Run) -> None:
    run(environment=ENVIRONMENT, ignore=["*.scss"], missing_references="warn", revision="abc", dirty=True, python="py")
    assert run.asked is not None
    assert (run.asked.project_path, run.asked.dest) == (Path("/srv/shop"), Path("/srv/out/v1"))
    assert (run.asked.python, run.asked.missing_references, run.asked.ignore) == ("py", "warn", ["*.scss"])
    assert run.asked.source == Source("abc", True)
    assert run.asked.environment == {**ENVIRONMENT, "WORKERS": "4"}
    assert run.asked.dry_run is False


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, "/home/me/.cache/trundle/build", id="default"),
        pytest.param({"XDG_CACHE_HOME": "/caches"}, "/caches/trundle/build", id="xdg"),
        pytest.param({"cache": "/own"}, "/own", id="given"),
        pytest.param({"cache": ""}, None, id="none"),
    ],
)
def test_place_of_the_cache(
    run: Run, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str | None
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", given.pop("XDG_CACHE_HOME", ""))
    run(**given)
    assert run.asked is not None
    assert run.asked.cache == (None if expected is None else Path(expected))


def test_options_of_the_package(run: Run) -> None:
    run(layout="versioned", hashed_names=False, originals=True, compress=["gzip"], cache_size="1M")
    assert run.asked is not None
    asked = run.asked
    assert (asked.layout, asked.hashed_names, asked.originals) == ("versioned", False, True)
    assert (asked.compress, asked.cache_size) == (["gzip"], 1 << 20)


def test_what_is_no_size_is_refused(run: Run) -> None:
    result = run(cache_size="much")
    assert result["failed"] is True
    assert "cache_size is not a size such as 2G" in result["msg"]


def test_result(run: Run) -> None:
    result = run()
    assert result["changed"] is True
    assert result["static_path"] == "/srv/out/v1/static"
    assert result["manifest_path"] == "/srv/out/v1/staticfiles.json"
    assert result["record_path"] == "/srv/out/v1/release.json"
    assert result["counts"]["hashed"] == result["counts"]["reused"] == result["counts"]["rewritten"] == 1
    assert result["cache"] == {"damaged": ["a1"], "removed": 7}
    assert result["bytes"] == 812
    assert result["seconds"] == {"start": 0.1, "total": 1.5}
    assert "take care" in str(result["warnings"])
    assert "diff" not in result


def test_diff_and_check_mode(run: Run) -> None:
    result = run(_ansible_diff=True, _ansible_check_mode=True)
    assert run.asked is not None
    assert run.asked.dry_run is True
    assert result["diff"]["before"] == ""
    assert result["diff"]["after"] == f"{KEY}\n"
    assert result["diff"]["prepared"] == (
        f"written: {KEY}\n1 written, 1 reused from the build cache, 1 with rewritten references\n"
    )


def test_environment_is_hidden_and_garbles_nothing(run: Run) -> None:
    # ansible-core 2.19 always returns the arguments, later ones when they are asked to.
    asked = {} if release.__version__.startswith("2.19.") else {"_ansible_inject_invocation": True}
    result = run(environment=ENVIRONMENT, **asked)
    # "1" is a value of the environment too, but paths, ids and URLs stay what they are.
    assert (result["release"], result["static_url"]) == ("v1", "https://cdn.example.com/static/")
    assert "hunter2" not in run.output
    assert result["invocation"]["module_args"]["environment"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_failure_is_told_with_its_details(run: Run) -> None:
    run.error = TrundleError("No.", missing_references=[{"file": "a.css", "line": 1, "reference": "b.png"}])
    result = run(environment=ENVIRONMENT)
    assert (result["failed"], result["msg"]) == (True, "No.")
    assert result["missing_references"][0]["line"] == 1
    assert "hunter2" not in run.output


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_manifest_is_committed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "T")
        monkeypatch.setenv(f"{name}_EMAIL", "t@example.com")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    wanted = {"repository": str(tmp_path), "path": "manifest/staticfiles.json"}
    assert run(commit_manifest=wanted, _ansible_check_mode=True)["manifest_commit"] == ""
    assert not (tmp_path / "manifest").exists()
    result = run(commit_manifest=wanted)
    log = subprocess.run(["git", "-C", tmp_path, "log", "--format=%H %s"], capture_output=True, text=True, check=True)
    assert log.stdout == f"{result['manifest_commit']} Static files manifest of v1\n"
    assert "manifest_commit" not in run(commit_manifest=wanted)
