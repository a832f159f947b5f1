# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter beside the project: installed once, for whoever runs the migrations to read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import migrate_linter
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.migrate_linter import install_linter, linter_folder
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import on_hosts

pytestmark = on_hosts


def test_it_is_installed_once_and_can_be_read_by_all(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = install_linter(sys.executable, tmp_path / "a" / "linter")
    finally:
        os.umask(before)
    assert folder == linter_folder(tmp_path / "a" / "linter")
    found = [tmp_path / "a", tmp_path / "a" / "linter", folder, *folder.rglob("*.py")]
    assert (folder / "django_migration_linter" / "sql_analyser" / "base.py") in found
    assert [path for path in found if not path.stat().st_mode & 0o004] == []
    # Django is the project's own; pip's virtualenv is gone.
    assert not (folder / "django").exists()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    stamp = folder.stat().st_mtime_ns
    install_linter("/no/such/python", tmp_path / "a" / "linter")
    assert folder.stat().st_mtime_ns == stamp


def test_what_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    folder = linter_folder(tmp_path)
    (folder / "django_migration_linter").mkdir(parents=True)
    install_linter(sys.executable, tmp_path)
    assert (folder / "django_migration_linter" / "__init__.py").exists()


def test_another_content_under_the_same_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = (migrate_linter.PACKAGES[0], (migrate_linter.PACKAGES[1][0], "0" * 64))
    monkeypatch.setattr(migrate_linter, "PACKAGES", packages)
    with pytest.raises(TrundleError, match="Failed to install django-migration-linter: ERROR: THESE PACKAGES DO NOT"):
        install_linter(sys.executable, tmp_path)
    assert list(tmp_path.iterdir()) == []
