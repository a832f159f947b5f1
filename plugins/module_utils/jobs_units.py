# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd units of a site's jobs: celery workers, celery beat, and management commands on a calendar.

Workers are templates whose instance is the release, so that a new one is up before the old one has ended
its last task. Beat and timers must not be there twice: each is one unit, whose text names the release.
All start from the release's own folder, never through a link (F25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.systemd import systemd_escape

# Tells whose unit a file is; systemd passes over names that begin so.
MARK = "X-TrundleJobs"


@dataclass(frozen=True)
class Site:
    """release is None where none runs."""

    app: str
    root: str
    release: str | None
    user: str
    group: str
    celery_app: str = ""
    project_path: str = ""
    settings: str = ""
    stop_timeout: int = 300


@dataclass(frozen=True)
class Unit:
    """A unit file. runs: the unit to start and enable, where there is one; pid_file: there once it has booted."""

    name: str
    text: str
    runs: str | None = None
    pid_file: str | None = None

    @property
    def is_template(self) -> bool:
        return self.name.endswith("@.service")


def units_of(
    site: Site, *, workers: Sequence[Mapping[str, Any]], timers: Sequence[Mapping[str, Any]], beat: Sequence[str] | None
) -> list[Unit]:
    """beat: options of celery's beat; None for no beat."""
    if site.release is None:
        return []
    units = [_worker(site, worker) for worker in workers]
    if beat is not None:
        units.append(_beat(site, beat))
    for timer in timers:
        units += [_job(site, timer), _timer(site, timer)]
    return units


def _worker(site: Site, worker: Mapping[str, Any]) -> Unit:
    name = f"{site.app}-worker-{worker['name']}"
    command = [
        f"{site.root}/releases/%I/.venv/bin/celery --app {site.celery_app} worker",
        # %h is celery's own: the name of the host.
        f"--hostname={worker['name']}-%I@%%h",
        "--pidfile=/run/%p-%I/pid",
        *(worker.get("options") or []),
    ]
    text = _text(
        site,
        f"{site.app} celery worker {worker['name']} %I",
        "%I",
        [
            "Type=exec",
            "RuntimeDirectory=%p-%I",
            f"ExecStart={_lines(command)}",
            # To the first process alone: it takes no more tasks, and ends when those it has have ended.
            "KillMode=mixed",
            f"TimeoutStopSec={site.stop_timeout}",
            "Restart=on-failure",
            "RestartSec=1",
        ],
        wanted_by="multi-user.target",
    )
    runs = f"{name}@{systemd_escape(str(site.release))}.service"
    return Unit(f"{name}@.service", text, runs, f"/run/{name}-{site.release}/pid")


def _beat(site: Site, options: Sequence[str]) -> Unit:
    name = f"{site.app}-beat"
    command = [
        f"{site.root}/releases/{site.release}/.venv/bin/celery --app {site.celery_app} beat",
        "--pidfile=/run/%p/pid",
        "--schedule=/var/lib/%p/schedule",
        *options,
    ]
    text = _text(
        site,
        f"{site.app} celery beat",
        str(site.release),
        [
            "Type=exec",
            "RuntimeDirectory=%p",
            "StateDirectory=%p",
            f"ExecStart={_lines(command)}",
            "KillMode=mixed",
            "Restart=on-failure",
            "RestartSec=1",
        ],
        wanted_by="multi-user.target",
    )
    return Unit(f"{name}.service", text, f"{name}.service", f"/run/{name}/pid")


def _job(site: Site, timer: Mapping[str, Any]) -> Unit:
    # What is behind manage.py is the user's, for whom neither systemd's % nor its $ means anything.
    command = timer["command"].replace("%", "%%").replace("$", "$$")
    text = _text(
        site,
        f"{site.app} manage.py {command}",
        str(site.release),
        [
            "Type=oneshot",
            f"ExecStart={site.root}/releases/{site.release}/.venv/bin/python manage.py {command}",
            "KillMode=mixed",
            f"TimeoutStopSec={site.stop_timeout}",
        ],
    )
    return Unit(f"{site.app}-job-{timer['name']}.service", text)


def _timer(site: Site, timer: Mapping[str, Any]) -> Unit:
    name = f"{site.app}-job-{timer['name']}.timer"
    catch_up = "true" if timer.get("persistent", True) else "false"
    text = "\n".join(
        [
            "# Written by trundle.django.jobs",
            "[Unit]",
            f"Description={site.app} {timer['name']}",
            f"{MARK}={site.app}",
            "",
            "[Timer]",
            f"OnCalendar={timer['calendar']}",
            "AccuracySec=1s",
            f"Persistent={catch_up}",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        ]
    )
    return Unit(name, text, name)


def _text(site: Site, description: str, release: str, service: Sequence[str], *, wanted_by: str | None = None) -> str:
    """The text of a service; release is its id, or what systemd puts in its place."""
    folder = f"{site.root}/releases/{release}"
    lines = [
        "# Written by trundle.django.jobs",
        "[Unit]",
        f"Description={description}",
        f"{MARK}={site.app}",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        f"User={site.user}",
        f"Group={site.group}",
        f"WorkingDirectory={folder}/{site.project_path}",
        f"EnvironmentFile=/etc/trundle/{site.app}.env",
        f"Environment=TRUNDLE_ROOT={site.root}",
        f"Environment=TRUNDLE_RELEASE={release}",
        f"Environment=TRUNDLE_RELEASE_DIR={folder}",
        *([f"Environment=DJANGO_SETTINGS_MODULE={site.settings}"] if site.settings else []),
        *service,
        "PrivateTmp=true",
        "ProtectSystem=full",
        "NoNewPrivileges=true",
    ]
    if wanted_by:
        lines += ["", "[Install]", f"WantedBy={wanted_by}"]
    return "\n".join([*lines, ""])


def _lines(command: Sequence[str]) -> str:
    return " \\\n    ".join(command)
