# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from dataclasses import replace

from ansible_collections.trundle.django.plugins.module_utils.jobs_units import Site, units_of

SITE = Site(app="shop", root="/srv/shop", release="v1.2-rc1", user="shop", group="www", celery_app="shop.celery")
TIMER = {"name": "report", "command": "report --since '1 day' --format %d$", "calendar": "Mon *-*-* 03:00"}
WORKER = {"name": "mail", "options": ["--queues mail", "--concurrency 2"]}


def test_a_site_without_a_release_has_no_jobs() -> None:
    assert units_of(replace(SITE, release=None), workers=[WORKER], timers=[TIMER], beat=[]) == []


def test_a_worker_is_a_template_whose_instance_is_the_release() -> None:
    (unit,) = units_of(SITE, workers=[WORKER], timers=[], beat=None)
    assert unit.name == "shop-worker-mail@.service"
    assert unit.runs == r"shop-worker-mail@v1.2\x2drc1.service"
    assert unit.pid_file == "/run/shop-worker-mail-v1.2-rc1/pid"
    assert SITE.release is not None
    assert SITE.release not in unit.text
    command = re.sub(r" \\\n +", " ", unit.text)
    assert (
        "\nExecStart=/srv/shop/releases/%I/.venv/bin/celery --app shop.celery worker --hostname=mail-%I@%%h"
        " --pidfile=/run/%p-%I/pid --queues mail --concurrency 2\n"
    ) in command
    assert "\nRuntimeDirectory=%p-%I\n" in unit.text


def test_f25_a_task_in_flight_is_given_time_to_end() -> None:
    (unit,) = units_of(replace(SITE, stop_timeout=77), workers=[WORKER], timers=[], beat=None)
    # SIGTERM to all processes of a pool ends its tasks.
    assert "\nKillMode=mixed\n" in unit.text
    assert "\nTimeoutStopSec=77\n" in unit.text


def test_f25_what_runs_once_is_one_unit_that_names_the_release() -> None:
    beat, job, timer = units_of(SITE, workers=[], timers=[TIMER], beat=["--scheduler x.y:Z"])
    assert (beat.name, beat.runs) == ("shop-beat.service", "shop-beat.service")
    assert (job.name, job.runs) == ("shop-job-report.service", None)
    assert (timer.name, timer.runs) == ("shop-job-report.timer", "shop-job-report.timer")
    for unit in (beat, job):
        assert "\nExecStart=/srv/shop/releases/v1.2-rc1/.venv/bin/" in unit.text
        assert "\nEnvironment=TRUNDLE_RELEASE=v1.2-rc1\n" in unit.text
        assert "\nWorkingDirectory=/srv/shop/releases/v1.2-rc1/\n" in unit.text
    assert "--scheduler x.y:Z\n" in beat.text


def test_a_command_means_to_systemd_what_it_says() -> None:
    job, timer = units_of(SITE, workers=[], timers=[TIMER], beat=None)
    assert "python manage.py report --since '1 day' --format %%d$$\n" in job.text
    assert "\nOnCalendar=Mon *-*-* 03:00\n" in timer.text
    assert "\nPersistent=true\n" in timer.text
    job, timer = units_of(SITE, workers=[], timers=[{**TIMER, "persistent": False}], beat=None)
    assert "\nPersistent=false\n" in timer.text


def test_units_have_user_settings_and_folder_of_the_site() -> None:
    site = replace(SITE, project_path="src", settings="shop.live")
    for unit in units_of(site, workers=[WORKER], timers=[TIMER], beat=[])[:3]:
        assert "\nUser=shop\nGroup=www\n" in unit.text
        assert re.search(r"\nWorkingDirectory=/srv/shop/releases/(%I|v1\.2-rc1)/src\n", unit.text)
        assert "\nEnvironmentFile=/etc/trundle/shop.env\n" in unit.text
        assert "\nEnvironment=DJANGO_SETTINGS_MODULE=shop.live\n" in unit.text
