# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in the project's Python that runs as another account."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import collect_report, project_process
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.project_process import (
    Program,
    find_account,
    merged_environment,
    run_program,
)

# root becomes somebody else; whoever else runs the tests can only stay who they are.
NAME = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
TELL = """
import os
from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel

def main(request, descriptor):
    who = {"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "environment": dict(os.environ)}
    Channel(descriptor).send({"result": {**who, "warnings": []}})
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others can reach; pytest's cannot be."""
    path = Path(tempfile.mkdtemp(prefix="trundle-account-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_it_is_that_account_with_its_groups_and_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = types.ModuleType("tell")
    texts = {"tell": TELL, collect_report.__name__: Path(str(collect_report.__file__)).read_text()}
    monkeypatch.setattr(project_process, "source_text", lambda module: texts[module.__name__])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of whoever deploys")
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    program = Program("telling", (collect_report, tell))
    request = {"project_path": str(folder)}
    account = find_account(NAME)
    told = run_program(python, program, request, {"SHOP": "1"}, account=account)
    entry = pwd.getpwnam(NAME)
    assert (told["uid"], told["gid"]) == (entry.pw_uid, entry.pw_gid)
    if os.geteuid() == 0:
        assert told["groups"] == os.getgrouplist(NAME, entry.pw_gid)
    assert told["environment"]["SHOP"] == "1"
    assert told["environment"]["HOME"] == entry.pw_dir
    assert "AWS_SECRET_ACCESS_KEY" not in told["environment"]


def test_variables_that_are_taken_away() -> None:
    merged = merged_environment({"LANG": None, "SHOP": "1"}, find_account(NAME))
    assert "LANG" not in merged
    assert (merged["SHOP"], merged["USER"]) == ("1", NAME)


def test_nobody_of_that_name() -> None:
    with pytest.raises(TrundleError, match="There is no user 'no-such-user' on this host"):
        find_account("no-such-user")


def test_becoming_somebody_takes_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(TrundleError, match="that takes root"):
        find_account("root")
