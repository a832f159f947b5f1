# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import jobs
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.jobs_units import Site, Unit, units_of

# With a real systemd and a real celery, the scenario `default` runs jobs; here is what is asked of systemd, and when.

WORKER = "shop-worker-default"
TIMER, JOB, BEAT = "shop-job-report.timer", "shop-job-report.service", "shop-beat.service"


class Systemd:
    """Starts and stops units as systemd does, and keeps what it was asked to change, in words without options."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.active, self.done = folder, dict[str, str](), list[str]()
        self.broken: set[str] = set()
        self.slow: set[str] = set()
        self.stale = False

    def __call__(self, arguments: list[str]) -> tuple[int, str, str]:
        if arguments[0] == "journalctl":
            return 0, "ImportError: no module named tusks\n", ""
        words = [word for word in arguments[1:] if not word.startswith("-")]
        if words[0] == "list-units":
            return 0, "".join(f"{unit} loaded\n" for unit in self.active if fnmatchcase(unit, words[1])), ""
        if words[0] == "show":
            return 0, "\n".join(self.block(unit) for unit in words[2:]), ""
        self.done.append(" ".join(words))
        getattr(self, words[0].replace("-", "_"))(words[1:], "--no-block" in arguments)
        return 0, "", ""

    def block(self, unit: str) -> str:
        state = self.active.get(unit, "inactive")
        kind = "oneshot" if unit == JOB else "exec"
        said = {"Id": unit, "ActiveState": state, "SubState": state, "Type": kind, "Result": "exit-code"}
        said |= {"NRestarts": "0", "NeedDaemonReload": "yes" if self.stale else "no"}
        return "".join(f"{name}={value}\n" for name, value in said.items())

    def start(self, units: Sequence[str], _no_block: bool) -> None:
        for unit in units:
            self.active[unit] = "failed" if unit in self.broken else "active"

    def stop(self, units: Sequence[str], no_block: bool) -> None:
        for unit in units:
            self.active[unit] = "deactivating" if no_block and unit in self.slow else "inactive"

    def enable(self, units: Sequence[str], _no_block: bool) -> None:
        wants = self.folder / "multi-user.target.wants"
        wants.mkdir(exist_ok=True)
        for unit in units:
            (wants / unit).symlink_to(self.folder / "wherever")

    def disable(self, units: Sequence[str], _no_block: bool) -> None:
        for unit in units:
            for link in self.folder.glob("*.wants/*"):
                if link.name == unit:
                    link.unlink()

    def daemon_reload(self, _units: Sequence[str], _no_block: bool) -> None:
        self.stale = False

    def reset_failed(self, units: Sequence[str], _no_block: bool) -> None:
        for unit in units:
            self.active[unit] = "inactive"

    def running(self) -> set[str]:
        return {unit for unit, state in self.active.items() if state == "active"}


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


def wanted(release: str | None, *, once: bool = True, workers: Sequence[str] = ("default",)) -> list[Unit]:
    site = Site(app="shop", root="/srv/shop", release=release, user="shop", group="shop", celery_app="shop")
    timers: list[dict[str, Any]] = [{"name": "report", "command": "report", "calendar": "daily"}] if once else []
    units = units_of(site, workers=[{"name": name} for name in workers], timers=timers, beat=[] if once else None)
    # No process here writes one.
    return [Unit(unit.name, unit.text, unit.runs) for unit in units]


def bring(systemd: Systemd, units: Sequence[Unit], *, trim: bool = False) -> jobs.Plan:
    """Plan and apply; then nothing is left to do."""
    systemd.done.clear()

    def planned() -> tuple[jobs.Host, jobs.Plan]:
        host = jobs.look(systemd, "shop", units, systemd.folder)
        plan = jobs.plan(host, units)
        return host, jobs.trimmed(plan) if trim else plan

    host, plan = planned()
    if plan.changes:
        jobs.apply(systemd, host, plan, wait=1, stop_timeout=5, folder=systemd.folder)
    assert not planned()[1].changes
    return plan


def test_f25_jobs_follow_the_release(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    assert systemd.running() == {f"{WORKER}@v1.service", BEAT, TIMER}
    bring(systemd, wanted("v2"))
    assert systemd.running() == {f"{WORKER}@v2.service", BEAT, TIMER}
    for name in (BEAT, JOB):
        assert "/srv/shop/releases/v2/.venv/bin/" in (systemd.folder / name).read_text()
    assert {link.name for link in systemd.folder.glob("*.wants/*")} == {f"{WORKER}@v2.service", BEAT, TIMER}


def test_f25_the_new_worker_is_up_before_the_old_one_ends(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    bring(systemd, wanted("v2"))
    assert systemd.done.index(f"start {WORKER}@v2.service") < systemd.done.index(f"stop {WORKER}@v1.service")


def test_f25_there_are_never_two_beats(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    bring(systemd, wanted("v2"))
    assert systemd.done.index(f"stop {BEAT}") < systemd.done.index("daemon-reload")
    assert systemd.done.index("daemon-reload") < systemd.done.index(f"start {BEAT}")


def test_a_timer_is_not_stopped_for_a_new_release(systemd: Systemd) -> None:
    """A moment of the calendar would get lost."""
    bring(systemd, wanted("v1"))
    bring(systemd, wanted("v2"))
    assert not [words for words in systemd.done if TIMER in words or JOB in words]


def test_f25_what_runs_once_goes_from_a_host_that_has_it_no_longer(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    bring(systemd, wanted("v1", once=False), trim=True)
    assert systemd.running() == {f"{WORKER}@v1.service"}
    assert [path.name for path in systemd.folder.glob("shop-*")] == [f"{WORKER}@.service"]
    # Its file is gone, and it is not in memory either: only the link is left, as at boot.
    assert {link.name for link in systemd.folder.glob("*.wants/*")} == {f"{WORKER}@v1.service"}


def test_trimming_leaves_a_release_that_is_still_to_be_rolled_alone(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    assert not bring(systemd, wanted("v2"), trim=True).changes


def test_a_worker_that_is_not_asked_for_any_more_goes(systemd: Systemd) -> None:
    bring(systemd, wanted("v1", workers=["default", "mail"]))
    bring(systemd, wanted("v2", workers=["mail"]))
    assert systemd.running() == {"shop-worker-mail@v2.service", BEAT, TIMER}


def test_no_jobs_at_all(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    bring(systemd, wanted(None))
    assert systemd.running() == set()
    assert not list(systemd.folder.glob("shop-*"))


def test_a_worker_that_does_not_start_is_told_with_its_journal(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    systemd.broken = {f"{WORKER}@v2.service"}
    with pytest.raises(TrundleError, match=r"shop-worker-default@v2.service does not run: it ended at once") as caught:
        bring(systemd, wanted("v2"))
    assert caught.value.details["journal"] == ["ImportError: no module named tusks"]
    # The old one was not told to end, and an undo leaves nothing of the new one.
    assert systemd.active[f"{WORKER}@v1.service"] == "active"
    bring(systemd, wanted("v1"))
    assert systemd.running() == {f"{WORKER}@v1.service", BEAT, TIMER}
    assert "failed" not in systemd.active.values()


def test_going_back_to_a_worker_that_still_ends_its_last_task(systemd: Systemd) -> None:
    """It starts anew when it has ended, which is not waited for."""
    bring(systemd, wanted("v1"))
    systemd.slow = {f"{WORKER}@v1.service"}
    bring(systemd, wanted("v2"))
    assert systemd.active[f"{WORKER}@v1.service"] == "deactivating"
    bring(systemd, wanted("v1"))
    assert systemd.running() == {f"{WORKER}@v1.service", BEAT, TIMER}


def test_a_run_that_was_cut_off_before_systemd_read_the_units(systemd: Systemd) -> None:
    bring(systemd, wanted("v1"))
    systemd.stale = True
    bring(systemd, wanted("v1"))
    assert systemd.done == ["daemon-reload"]


def test_units_of_other_apps_and_of_the_user_are_left_alone(systemd: Systemd) -> None:
    others = {"shop-beat-monitor.service": "[Unit]\n", "shop-admin-beat.service": "[Unit]\nX-TrundleJobs=shop-admin\n"}
    for name, text in others.items():
        (systemd.folder / name).write_text(text)
    bring(systemd, wanted("v1"))
    bring(systemd, wanted(None))
    assert {path.name: path.read_text() for path in systemd.folder.glob("shop-*")} == others
