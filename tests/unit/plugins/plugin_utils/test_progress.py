# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("runs on the controller, with Python 3.11 or newer", allow_module_level=True)

from ansible_collections.trundle.django.plugins.module_utils.progress import Progress
from ansible_collections.trundle.django.plugins.plugin_utils import progress
from ansible_collections.trundle.django.plugins.plugin_utils.progress import Watch, describe, reader


def line(phase: str, done: Any = 0, total: Any = 0, size: Any = 0, total_size: Any = 0) -> str:
    return json.dumps({"phase": phase, "done": done, "total": total, "size": size, "total_size": total_size})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(line("hash", 12400, 60012), "hashing 12,400 of 60,012 files", id="counts"),
        pytest.param(
            line("upload", 1200, 4000, 310_400_000, 900_000_000),
            "uploaded 1,200 of 4,000 files, 310 of 900 MB",
            id="bytes",
        ),
        pytest.param(line("upload", 1, 3, 300_000, 1_200_000), "uploaded 1 of 3 files, 0.3 of 1.2 MB", id="few bytes"),
        pytest.param(line("upload", 1, 3, 40, 120), "uploaded 1 of 3 files", id="hardly any bytes"),
        pytest.param(line("hash", 70, 60), "hashing 60 of 60 files", id="several passes"),
        pytest.param(line("find"), "finding files", id="no counts"),
        pytest.param(line("\x1b[31mroot password:"), None, id="a phase that is not known"),
        pytest.param(line("hash", "many", 3), None, id="no number"),
        pytest.param('{"phase": "hash"}', None, id="cut off"),
        pytest.param(line("hash", 1, 2)[:20], None, id="no JSON"),
        pytest.param("[]", None, id="a list"),
        pytest.param(line(["hash"]), None, id="a phase that is no text"),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_only_known_words_and_numbers_are_shown(text: str, told: str | None) -> None:
    assert describe(text) == told


def test_the_phases_of_the_modules_have_words() -> None:
    """Each phase that plugins/ tells is one that can be shown."""
    top = Path(progress.__file__).parents[1]
    sources = [*(top / "modules").glob("*.py"), *(top / "module_utils").glob("*.py")]
    calls = re.compile(r'(?:channel\.progress\(|progress\.tell\(|Steps\(progress, )"(\w+)"')
    told = {phase for source in sources for phase in calls.findall(source.read_text(encoding="utf-8"))}
    assert told == set(progress.COUNTED) | set(progress.PLAIN)


class TestWatch:
    @pytest.fixture(autouse=True)
    def lines(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        shown: list[str] = []
        monkeypatch.setattr(progress, "show", shown.append)
        monkeypatch.setattr(progress, "INTERVAL", 0.05)
        return shown

    def test_a_long_task_is_shown_again_and_again(self, lines: list[str]) -> None:
        with Watch(lambda: line("hash", 1, 2), "[web1] collectstatic"):
            time.sleep(0.5)
        assert len(lines) >= 2
        assert set(lines) <= {f"[web1] collectstatic: hashing 1 of 2 files ({second} s)" for second in (0, 1)}
        shown = len(lines)
        time.sleep(0.15)
        assert len(lines) == shown

    def test_a_short_task_is_not_even_looked_at(self, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "INTERVAL", 3.0)
        looked: list[None] = []
        started = time.monotonic()
        with Watch(lambda: looked.append(None), "x"):
            time.sleep(0.05)
        assert time.monotonic() - started < 1
        assert (looked, lines) == ([], [])

    def test_a_host_that_cannot_be_asked_is_asked_once(self, lines: list[str]) -> None:
        asked: list[None] = []

        def read() -> str:
            asked.append(None)
            raise RuntimeError

        with Watch(read, "x"):
            time.sleep(0.3)
        assert (len(asked), lines) == (1, [])

    def test_a_file_that_never_comes_is_given_up(self, lines: list[str]) -> None:
        asked: list[None] = []
        with Watch(lambda: asked.append(None), "x"):
            time.sleep(0.6)
        assert (len(asked), lines) == (progress.PATIENCE, [])

    def test_a_look_that_hangs_does_not_keep_the_task(self, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "LAST_LOOK", 0.1)

        def read() -> str:
            time.sleep(0.8)
            return line("find")

        watch = Watch(read, "x")
        started = time.monotonic()
        with watch:
            time.sleep(0.2)
        assert time.monotonic() - started < 0.6
        watch.thread.join(5)
        assert lines == []

    def test_the_error_of_the_task_is_left_alone(self) -> None:
        with pytest.raises(ValueError, match="its own"), Watch(lambda: None, "x"):
            raise ValueError("its own")


class TestReader:
    def test_a_local_file_is_read(self, tmp_path: Path) -> None:
        read = reader(SimpleNamespace(transport="local"), None, str(tmp_path / "p"))
        assert read is not None
        assert read() is None
        Progress(str(tmp_path / "p")).tell("find")
        assert describe(read() or "") == "finding files"

    def test_other_connections_are_not_asked(self) -> None:
        assert reader(SimpleNamespace(transport="winrm"), None, "/tmp/p") is None


@pytest.mark.parametrize(("callback", "stderr"), [("default", False), ("ansible.posix.json", True)])
def test_a_document_for_programs_stays_one(callback: str, stderr: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(progress.constants, "DEFAULT_STDOUT_CALLBACK", callback)
    monkeypatch.setattr(progress.display, "display", lambda text, **more: seen.append((text, more["stderr"])))
    progress.show("a line")
    assert seen == [("a line", stderr)]
