# SPDX-License-Identifier: BSD-3-Clause
"""The command as people run it: a process of its own, the default database, checks first, an answer on stdin."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import trundle

TESTS = Path(__file__).parents[1]
SETTINGS = """
from pathlib import Path

SECRET_KEY = "not-secret"
DEBUG = True
USE_TZ = True
INSTALLED_APPS = ["trundle", "mall.east", "mall.west"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"}}
"""


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    paths = [str(folder), str(TESTS), str(Path(trundle.__file__).parents[1])]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mall_settings", "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-W", "error", "-m", "django", *arguments]
    return subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=False)


def suns(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "db.sqlite3")) as connection:
        return int(connection.execute("SELECT count(*) FROM east_sun").fetchone()[0])


def test_process(tmp_path: Path) -> None:
    (tmp_path / "mall_settings.py").write_text(SETTINGS)
    assert run(tmp_path, "migrate").returncode == 0
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO east_sun DEFAULT VALUES")
        connection.commit()

    refused = run(tmp_path, "reset_app", "east")
    assert refused.returncode == 1
    assert refused.stderr.startswith("CommandError: Other apps hold keys into these: west.Moon.other.")
    unanswered = run(tmp_path, "reset_app", "east", "west")
    assert (unanswered.returncode, suns(tmp_path)) == (1, 1)
    assert "There is nobody to ask. Add --noinput" in unanswered.stderr
    done = run(tmp_path, "reset_app", "east", "west", stdin="yes\n")
    assert (done.returncode, done.stderr, suns(tmp_path)) == (0, "", 0)
    assert done.stdout.endswith("Applying west.0002_again\nReset east, west.\n")
