# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.db import OperationalError, connections
from django.test import Client

from trundle.health import Check, CheckFailed, checks, drain, run
from trundle.health.conf import read_config
from trundle.health.run import Attempt, Runner, run_checks

from conftest import Folder

BROKEN = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nonexistent/folder/with-secret/db.sqlite3"}
VIEWS = ["alive", "ready", "balancer"]


class Good(Check):
    name = "good"

    def run(self) -> None:
        return None


class Expected(Check):
    name = "expected"

    def run(self) -> None:
        raise CheckFailed("the queue is full")


class Unexpected(Check):
    name = "unexpected"

    def run(self) -> None:
        raise RuntimeError("password=hunter2")


class Hangs(Check):
    name = "hangs"
    timeout = 0.2

    def __init__(self) -> None:
        self.free = threading.Event()
        self.runs = 0

    def run(self) -> None:
        self.runs += 1
        self.free.wait(30)


class Switch(Check):
    """Fails when told to."""

    name = "switch"
    shared = True

    def __init__(self) -> None:
        self.fails = False
        self.runs = 0

    def run(self) -> None:
        self.runs += 1
        if self.fails:
            raise CheckFailed("off")


def runner() -> Runner:
    """Of the first check: tests move its clock instead of waiting."""
    return run._runners()[0]


@pytest.fixture
def broken_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a database that cannot be reached, for connections that threads open from now on."""
    for key, value in BROKEN.items():
        monkeypatch.setitem(connections.settings["default"], key, value)


class TestAnswers:
    @pytest.mark.parametrize("view", VIEWS)
    def test_healthy(self, client: Client, released: Folder, view: str) -> None:
        response = client.get(f"/health/{view}/")
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response["X-Release"] == "v1"
        body = response.json()
        assert list(body) == ["status", "release", "manifest", "checks"]
        sha256 = json.loads(released.record.read_text())["manifest"]["sha256"]
        assert (body["status"], body["release"], body["manifest"]) == ("ok", "v1", sha256)
        expected = set() if view == "alive" else {"database", "manifest", "migrations"}
        assert {name for name, check in body["checks"].items() if check["status"] == "ok"} == expected
        assert all(0 <= check["seconds"] < 2 for check in body["checks"].values())

    @pytest.mark.parametrize("view", VIEWS)
    def test_never_cached(self, client: Client, view: str) -> None:
        assert "no-store" in client.get(f"/health/{view}/")["Cache-Control"]

    @pytest.mark.parametrize("view", VIEWS)
    def test_get_and_head_only(self, client: Client, view: str) -> None:
        head = client.head(f"/health/{view}/")
        assert (head.status_code, head.content) == (200, b"")
        for method in (client.post, client.put, client.patch, client.delete, client.options):
            response = method(f"/health/{view}/")
            assert response.status_code == 405
            assert response["Allow"] == "GET, HEAD"

    @pytest.mark.parametrize("view", VIEWS)
    def test_without_a_release(self, client: Client, view: str) -> None:
        response = client.get(f"/health/{view}/")
        assert response.status_code == 200
        assert (response.json()["release"], response.json()["manifest"]) == (None, None)
        assert "X-Release" not in response

    @pytest.mark.parametrize("view", VIEWS)
    def test_behind_a_login_for_everything(self, client: Client, configure, view: str) -> None:
        if django.VERSION < (5, 1):
            pytest.skip("LoginRequiredMiddleware came with Django 5.1")
        names = ("sessions.middleware.SessionMiddleware", "auth.middleware.AuthenticationMiddleware")
        middleware = [f"django.contrib.{name}" for name in names]
        installed = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "trundle"]
        configure(
            INSTALLED_APPS=["django.contrib.staticfiles", *installed],
            MIDDLEWARE=[*middleware, "django.contrib.auth.middleware.LoginRequiredMiddleware"],
        )
        assert client.get(f"/health/{view}/").status_code == 200

    def test_release_id_of_the_environment_under_another_storage(
        self, client: Client, released: Folder, use_storage
    ) -> None:
        use_storage("django.contrib.staticfiles.storage.StaticFilesStorage")
        body = client.get("/health/ready/").json()
        assert (body["status"], body["release"], len(body["manifest"])) == ("ok", "v1", 64)

    def test_without_the_staticfiles_app(self, client: Client, released: Folder, configure) -> None:
        configure(INSTALLED_APPS=["trundle"])
        assert client.get("/health/ready/").json()["release"] == "v1"

    def test_without_the_staticfiles_app_the_manifest_counts_too(
        self, client: Client, released: Folder, configure
    ) -> None:
        configure(INSTALLED_APPS=["trundle"])
        released.manifest.unlink()
        assert client.get("/health/ready/").status_code == 503


class TestDatabase:
    def test_lost_is_not_ready(self, client: Client, released: Folder, broken_database: None) -> None:
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response["X-Release"] == "v1"
        body = response.json()
        assert body["status"] == "error"
        assert body["checks"]["database"]["error"] == "the database does not answer (OperationalError)"
        assert body["checks"]["manifest"]["status"] == "ok"
        assert "secret" not in response.content.decode()

    def test_f33_lost_is_alive_all_the_same(self, client: Client, configure, broken_database: None) -> None:
        """Whoever asks `alive` restarts what does not answer, which mends no database."""
        assert client.get("/health/alive/").status_code == 200

    @pytest.mark.parametrize("view", VIEWS)
    def test_atomic_requests_open_no_transaction_first(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, view: str
    ) -> None:
        def refuse(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("lost")

        connection = connections["default"]
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        monkeypatch.setattr(connection, "connect", refuse)
        assert client.get(f"/health/{view}/").status_code == 200

    def test_a_connection_that_is_not_usable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(connections["default"]), "is_usable", lambda self: False)
        with pytest.raises(CheckFailed, match="^the database does not answer$"):
            checks.DatabaseCheck().run()

    def test_leaves_no_connection_open(self) -> None:
        checks.DatabaseCheck("default").run()
        assert connections["default"].connection is None


class TestManifest:
    def test_not_usable_is_not_ready(self, client: Client, released: Folder, caplog: pytest.LogCaptureFixture) -> None:
        released.manifest.write_text("{")
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response.json()["checks"]["manifest"]["error"].startswith("the release's manifest is missing")
        assert (response["X-Release"], response.json()["manifest"]) == ("v1", None)
        assert str(released.path) not in response.content.decode()
        assert str(released.manifest) in caplog.text

    def test_not_needed_in_development(self, client: Client, released: Folder, configure) -> None:
        released.manifest.unlink()
        configure(DEBUG=True)
        assert client.get("/health/ready/").status_code == 200

    def test_a_wrong_release_id_never_becomes_a_header(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRUNDLE_RELEASE", "v1\r\nSet-Cookie: a")
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response.json()["release"] is None
        assert "X-Release" not in response


class TestChecks:
    def use(self, configure: Callable[..., None], *objects: Any, **more: Any) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": list(objects), "REUSE": 0, **more})

    def test_a_projects_own(self, client: Client, configure) -> None:
        self.use(configure, "test_health.Good", Expected, Switch())
        body = client.get("/health/ready/").json()
        assert [body["checks"][name]["status"] for name in ("good", "expected", "switch")] == ["ok", "error", "ok"]
        assert body["checks"]["expected"]["error"] == "the queue is full"

    def test_unexpected_is_logged_and_shown_as_unknown(
        self, client: Client, configure, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.use(configure, Unexpected)
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response.json()["checks"]["unexpected"]["error"] == "unknown"
        assert "hunter2" not in response.content.decode()
        assert "hunter2" in caplog.text
        assert caplog.records[0].levelno == logging.ERROR

    def test_a_check_that_hangs_costs_its_timeout_and_one_thread(self, client: Client, configure) -> None:
        hanging = Hangs()
        self.use(configure, hanging, Good)
        start = time.monotonic()
        bodies = [client.get("/health/ready/").json() for _turn in range(5)]
        assert time.monotonic() - start < 2
        assert [body["checks"]["hangs"]["error"] for body in bodies] == ["timed out after 0.2 s"] * 5
        assert bodies[0]["checks"]["good"]["status"] == "ok"
        assert hanging.runs == 1
        hanging.free.set()

    def test_a_check_that_hangs_for_long_is_tried_again(self, configure) -> None:
        hanging = Hangs()
        self.use(configure, hanging)
        assert run_checks(tolerant=False)["hangs"].status == "error"
        attempt = runner()._attempt
        assert attempt is not None
        attempt.started -= 100
        hanging.free.set()
        assert run_checks(tolerant=False)["hangs"].status == "ok"
        assert hanging.runs == 2

    def test_a_verdict_is_reused_for_a_while(self, configure) -> None:
        switch = Switch()
        self.use(configure, switch, REUSE=30)
        for _turn in range(20):
            run_checks(tolerant=False)
        assert switch.runs == 1
        attempt = runner()._attempt
        assert attempt is not None
        assert attempt.ended is not None
        attempt.ended -= 31
        run_checks(tolerant=False)
        assert switch.runs == 2

    def test_probes_at_the_same_time_share_one_attempt(self, configure) -> None:
        hanging = Hangs()
        hanging.timeout = 10
        self.use(configure, hanging)
        outcomes: list[str] = []
        probes = [
            threading.Thread(target=lambda: outcomes.append(run_checks(tolerant=False)["hangs"].status))
            for _turn in range(8)
        ]
        for probe in probes:
            probe.start()
        hanging.free.set()
        for probe in probes:
            probe.join()
        assert outcomes == ["ok"] * 8

    def test_f33_a_short_outage_of_what_all_share_drains_no_host(self, client: Client, configure) -> None:
        switch = Switch()
        self.use(configure, switch, GRACE=30)
        assert client.get("/health/balancer/").status_code == 200
        switch.fails = True
        response = client.get("/health/balancer/")
        assert response.status_code == 200
        assert response.json()["checks"]["switch"]["status"] == "warning"
        assert response.json()["checks"]["switch"]["error"] == "off"
        assert client.get("/health/ready/").status_code == 503
        last_ok = runner()._last_ok
        assert last_ok is not None
        runner()._last_ok = last_ok - 31
        assert client.get("/health/balancer/").status_code == 503

    def test_what_never_worked_gets_no_traffic(self, client: Client, configure) -> None:
        switch = Switch()
        switch.fails = True
        self.use(configure, switch)
        assert client.get("/health/balancer/").status_code == 503

    def test_what_is_the_hosts_own_is_not_tolerated(self, client: Client, configure) -> None:
        switch = Switch()
        switch.shared = False
        self.use(configure, switch)
        assert client.get("/health/balancer/").status_code == 200
        switch.fails = True
        assert client.get("/health/balancer/").status_code == 503

    def test_timeouts(self, configure) -> None:
        configure(TRUNDLE_HEALTH={"TIMEOUT": 7})
        assert Runner(Good(), read_config()).timeout == 7
        assert Runner(Hangs(), read_config()).timeout == 0.2

    def test_a_check_must_say_what_it_does(self) -> None:
        with pytest.raises(NotImplementedError):
            Check().run()

    def test_a_thread_that_does_not_keep_the_process(self) -> None:
        hanging = Hangs()
        Attempt(hanging)
        assert next(thread for thread in threading.enumerate() if thread.name == "trundle-health-hangs").daemon
        hanging.free.set()

    def test_a_wrong_setting_is_an_answer_too(
        self, client: Client, configure, caplog: pytest.LogCaptureFixture
    ) -> None:
        configure(TRUNDLE_HEALTH={"CHECKS": ["no.such.Check"]})
        response = client.get("/health/ready/")
        assert response.status_code == 503
        assert response.json()["checks"]["configuration"]["status"] == "error"
        assert "no.such.Check" in caplog.text


class TestDrain:
    @pytest.fixture
    def state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("TRUNDLE_ROOT", str(tmp_path))
        return tmp_path / "state.json"

    @staticmethod
    def write(path: Path, draining: bool, **more: Any) -> None:
        """As a deploy does: a new file under the old name."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps({"schema": 1, "active": "v1", "draining": draining, **more}))
        beside.replace(path)

    @pytest.mark.parametrize(("view", "status"), [("alive", 200), ("ready", 503), ("balancer", 503)])
    def test_set(self, client: Client, released: Folder, state: Path, view: str, status: int) -> None:
        self.write(state, True)
        response = client.get(f"/health/{view}/")
        assert response.status_code == status
        assert response["X-Release"] == "v1"
        if view != "alive":
            assert response.json()["checks"] == {"drain": {"status": "error", "error": "draining"}}

    @pytest.mark.parametrize("view", ["ready", "balancer"])
    def test_a_deploy_sees_the_application_itself(
        self, client: Client, released: Folder, state: Path, view: str
    ) -> None:
        self.write(state, True)
        ignoring = client.get(f"/health/{view}/", headers={"X-Trundle-Drain": "ignore"})
        assert (ignoring.status_code, ignoring.json()["checks"]["database"]["status"]) == (200, "ok")
        assert client.get(f"/health/{view}/", headers={"X-Trundle-Drain": "no"}).status_code == 503

    def test_seen_within_a_second_and_taken_back(self, client: Client, state: Path) -> None:
        self.write(state, False)
        assert client.get("/health/ready/").status_code == 200
        for draining, status in ((True, 503), (False, 200)):
            self.write(state, draining)
            time.sleep(0.6)
            assert client.get("/health/ready/").status_code == status

    def test_no_file_is_no_drain(self, client: Client, state: Path) -> None:
        assert client.get("/health/ready/").status_code == 200

    def test_looked_at_twice_a_second_and_read_when_changed(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        reads: list[Path] = []
        clock = [100.0]
        real = drain.read_draining
        monkeypatch.setattr(drain, "read_draining", lambda path: reads.append(path) or real(path))
        monkeypatch.setattr(drain.time, "monotonic", lambda: clock[0])
        self.write(state, False)
        mark = drain.DrainMark(state)
        assert not mark.look()
        self.write(state, True)
        clock[0] += 0.49
        assert not mark.look()
        clock[0] += 0.02
        assert mark.look()
        assert len(reads) == 2
        clock[0] += 1
        assert mark.look()
        assert len(reads) == 2

    @pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2, "draining": false}', '{"draining": false}'])
    def test_what_cannot_be_understood_changes_nothing(
        self, state: Path, text: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drain, "INTERVAL", 0)
        self.write(state, True)
        mark = drain.DrainMark(state)
        assert mark.look()
        state.write_text(text)
        assert mark.look()
        assert "The drain mark stays set." in caplog.text
        state.unlink()
        assert not mark.look()
        state.mkdir()
        assert not mark.look()
        assert "The drain mark stays unset." in caplog.text
