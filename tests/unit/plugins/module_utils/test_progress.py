# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.progress import VARIABLE, Progress, Steps, progress_file


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="ascii")))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class TestProgress:
    def test_a_line_has_phase_and_counts(self, tmp_path: Path) -> None:
        path = tmp_path / "p"
        Progress(str(path)).tell("upload", 2, 8, size=10, total_size=40)
        assert read(path) == {"phase": "upload", "done": 2, "total": 8, "size": 10, "total_size": 40}
        assert names(tmp_path) == ["p"]

    def test_it_is_written_at_most_once_in_an_interval(self, tmp_path: Path) -> None:
        progress = Progress(str(tmp_path / "p"), interval=60)
        for done in range(5):
            progress.tell("hash", done, 5)
        assert read(tmp_path / "p")["done"] == 0
        progress.last -= 61
        progress.tell("hash", 5, 5)
        assert read(tmp_path / "p")["done"] == 5

    def test_a_phase_that_begins_is_told_at_once(self, tmp_path: Path) -> None:
        progress = Progress(str(tmp_path / "p"), interval=60)
        progress.tell("find")
        progress.tell("hash", 1, 5)
        assert read(tmp_path / "p")["phase"] == "hash"

    def test_others_may_read_it_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o077)
        try:
            Progress(str(tmp_path / "p")).tell("find")
        finally:
            os.umask(before)
        assert (tmp_path / "p").stat().st_mode & 0o777 == 0o644

    def test_without_a_path_nothing_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        progress = Progress()
        progress.tell("find")
        progress.close()
        assert names(tmp_path) == []

    def test_a_folder_that_is_not_there_stops_nothing(self, tmp_path: Path) -> None:
        progress = Progress(str(tmp_path / "no" / "p"))
        progress.tell("find")
        progress.tell("hash", 1, 2)
        progress.close()
        assert names(tmp_path) == []

    def test_a_link_of_somebody_else_is_not_written_through(self, tmp_path: Path) -> None:
        target = tmp_path / "precious"
        target.write_text("bytes")
        (tmp_path / "p.part").symlink_to(target)
        (tmp_path / "p").symlink_to(target)
        Progress(str(tmp_path / "p")).tell("find")
        assert target.read_text() == "bytes"

    def test_it_is_gone_at_the_end(self, tmp_path: Path) -> None:
        progress = Progress(str(tmp_path / "p"))
        progress.tell("find")
        progress.close()
        progress.tell("hash", 1, 2)
        assert names(tmp_path) == []


def test_threads_count_together(tmp_path: Path) -> None:
    steps = Steps(Progress(str(tmp_path / "p"), interval=0), "upload", 400, total_size=1200)
    assert read(tmp_path / "p") == {"phase": "upload", "done": 0, "total": 400, "size": 0, "total_size": 1200}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _turn: steps.done(3), range(400)))
    assert read(tmp_path / "p") == {"phase": "upload", "done": 400, "total": 400, "size": 1200, "total_size": 1200}


class TestProgressFile:
    def test_programs_that_are_started_do_not_see_the_variable(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "p"))
        with progress_file() as progress:
            progress.tell("find")
            assert VARIABLE not in os.environ
            assert (tmp_path / "p").exists()

    def test_it_is_gone_when_the_module_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "p"))

        def fail() -> None:
            with progress_file() as progress:
                progress.tell("find")
                raise SystemExit(1)

        with pytest.raises(SystemExit):
            fail()
        assert names(tmp_path) == []

    def test_nothing_is_written_where_nobody_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        with progress_file() as progress:
            assert progress.path is None
