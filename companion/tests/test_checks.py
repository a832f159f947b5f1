# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from conftest import Folder

STOCK = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
STRICT = "trundle.storage.ReleaseStaticFilesStorage"
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"

urlpatterns: list[Any] = []


def found(deploy: bool = False) -> dict[str | None, str]:
    messages = run_checks(tags=["trundle"], include_deployment_checks=deploy)
    return {message.id: str(message) for message in messages}


def test_a_release_in_order(released: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUNDLE_ROOT", str(tmp_path))
    assert found(deploy=True) == {}


def test_development_is_in_order(configure) -> None:
    configure(DEBUG=True)
    assert found(deploy=True) == {}


def test_e001_the_release_cannot_be_read(released: Folder, configure) -> None:
    released.manifest.unlink()
    assert "There is no static files manifest" in found(deploy=True)["trundle.E001"]
    configure(DEBUG=True)
    assert found() == {}


def test_e001_does_not_stop_collectstatic(released: Folder, configure, tmp_path: Path) -> None:
    released.manifest.unlink()
    configure(STATIC_ROOT=str(tmp_path / "static"))
    call_command("collectstatic", interactive=False, verbosity=0, skip_checks=False)
    assert (tmp_path / "static" / "staticfiles.json").exists()


@pytest.mark.parametrize("debug", [False, True])
def test_e002_release_id(monkeypatch: pytest.MonkeyPatch, configure, debug: bool) -> None:
    monkeypatch.setenv("TRUNDLE_RELEASE", "a/b")
    configure(DEBUG=debug)
    assert list(found()) == ["trundle.E002"]


def test_e003_release_dir(monkeypatch: pytest.MonkeyPatch, configure, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(tmp_path / "missing"))
    configure(DEBUG=True)
    assert "which is no folder" in found()["trundle.E003"]


def test_e004_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUNDLE_ROOT", str(tmp_path / "missing"))
    assert "which is no folder" in found()["trundle.E004"]


def test_e005_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUNDLE_ROOT", str(tmp_path))
    (tmp_path / "state.json").write_text('{"schema": 2}')
    assert "unknown schema" in found()["trundle.E005"]


class NoName:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "must be a dict"),
        ({"CHECK": [], "timeout": 1}, "unknown keys: CHECK, timeout. Known are: CHECKS, TIMEOUT, REUSE, GRACE."),
        ({"TIMEOUT": "2"}, "TIMEOUT'] must be a number of seconds, not '2'"),
        ({"TIMEOUT": 0}, "TIMEOUT'] must be"),
        ({"TIMEOUT": True}, "TIMEOUT'] must be"),
        ({"GRACE": -1}, "GRACE'] must be"),
        ({"CHECKS": "no.such.Check"}, "CHECKS'] must be a list"),
        ({"CHECKS": ["no.such.Check"]}, "failed to import 'no.such.Check'"),
        ({"CHECKS": ["test_checks.NoName"]}, "'test_checks.NoName' is no check. Derive from"),
        ({"CHECKS": ["trundle.health.Check"]}, "is no check. Derive from trundle.health.Check and give it a name"),
        ({"CHECKS": ["trundle.health.checks.ManifestCheck"] * 2}, "more than one check named manifest"),
    ],
)
def test_e006_health(configure, value: Any, message: str) -> None:
    configure(TRUNDLE_HEALTH=value)
    assert message in found()["trundle.E006"]


def test_w001_a_release_under_a_storage_without_manifest(released: Folder, use_storage, configure) -> None:
    use_storage(PLAIN)
    assert "StaticFilesStorage reads no static files manifest" in found()["trundle.W001"]
    configure(INSTALLED_APPS=["trundle"])
    assert found() == {}


def test_w001_not_for_djangos_own_manifest_storage(released: Folder, use_storage, configure, tmp_path: Path) -> None:
    configure(STATIC_ROOT=str(tmp_path))
    use_storage(STOCK)
    assert found() == {}


def test_w002_no_release_outside_development() -> None:
    assert found() == {}
    assert "DEBUG is off and no release is found" in found(deploy=True)["trundle.W002"]


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        ("no.such.Storage", {}, "No module named 'no'"),
        (STRICT, {"manfest": "/srv/staticfiles.json"}, "unexpected keyword argument 'manfest'"),
    ],
)
def test_e008_a_storage_that_cannot_be_made(use_storage, configure, backend: str, options: Any, message: str) -> None:
    use_storage(backend, **options)
    assert message in found()["trundle.E008"]
    assert list(found(deploy=True)) == ["trundle.E008"]
    configure(INSTALLED_APPS=["trundle"])
    assert found() == {}


def test_w004_a_redirect_is_no_answer_to_a_probe(configure) -> None:
    configure(SECURE_SSL_REDIRECT=True, DEBUG=True)
    assert found() == {}
    warning = found(deploy=True)["trundle.W004"]
    assert "redirects the health views under /health/" in warning
    assert "'^health/' to SECURE_REDIRECT_EXEMPT" in warning


@pytest.mark.parametrize(
    "remedy",
    [
        {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")},
        {"SECURE_REDIRECT_EXEMPT": ["^health/"]},
        {"ROOT_URLCONF": "test_checks"},
    ],
    ids=["header", "exempt", "no-health-views"],
)
def test_w004_not_where_it_is_answered(configure, remedy: Any) -> None:
    configure(SECURE_SSL_REDIRECT=True, DEBUG=True, **remedy)
    assert found(deploy=True) == {}


def test_w005_a_release_that_cannot_be_drained(released: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found() == {}
    assert "a drain mark is never seen" in found(deploy=True)["trundle.W005"]


def test_w006_one_manifest_for_all_releases(
    released: Folder, use_storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configure
) -> None:
    use_storage(STRICT, manifest=released.manifest)
    assert found() == {}
    monkeypatch.setenv("TRUNDLE_RELEASE_DIR", str(tmp_path))
    assert "the release of this process is in" in found()["trundle.W006"]
    configure(DEBUG=True)
    assert found() == {}
