# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import drain
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.modules import drain_mark

Call = Callable[..., dict[str, Any]]


@pytest.fixture(name="options")
def options_fixture(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "shop").mkdir()
    states.write(tmp_path / "shop" / "state.json", states.activate(states.State(), "v1", now="2026-11-21T09:00:00Z"))
    return {"root": str(tmp_path / "shop"), "path": str(tmp_path / "shop-drain")}


def marks(options: dict[str, str]) -> tuple[bool, bool]:
    state = json.loads(Path(options["root"], "state.json").read_text())
    assert state["active"] == "v1", "all else in the state stays"
    return state["draining"], Path(options["path"]).exists()


def test_set_and_cleared_once(call_module: Call, options: dict[str, str]) -> None:
    told = call_module(drain_mark, check=True, state="drained", wait=60, **options)
    assert (told["changed"], told["drained"], told["waited"]) == (True, True, 0)
    assert marks(options) == (False, False)
    done = call_module(drain_mark, state="drained", **options)
    assert (done["changed"], done["diff"]) == (True, told["diff"])
    assert done["diff"]["after"] == {"state": True, "file": True}
    assert marks(options) == (True, True)
    assert not call_module(drain_mark, state="drained", **options)["changed"]
    assert call_module(drain_mark, state="serving", **options)["changed"]
    assert marks(options) == (False, False)
    assert not call_module(drain_mark, state="serving", wait=60, **options)["changed"]


def test_without_a_file_for_nginx(call_module: Call, options: dict[str, str]) -> None:
    call_module(drain_mark, root=options["root"], state="drained")
    assert marks(options) == (True, False)


@pytest.mark.parametrize("left", ["state", "file"])
def test_f27_one_mark_that_a_run_left_is_cleared(call_module: Call, options: dict[str, str], left: str) -> None:
    path = Path(options["root"], "state.json")
    if left == "state":
        states.write(path, replace(states.read(path), draining=True))
    else:
        Path(options["path"]).touch()
    assert call_module(drain_mark, state="serving", **options)["changed"]
    assert marks(options) == (False, False)


def test_f27_a_run_that_ends_between_the_marks_leaves_it_in_the_state(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways: as long as nginx may say 503, the state tells that it does."""

    def die(*_args: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    tree, path = drain.Tree(options["root"]), Path(options["path"])
    with monkeypatch.context() as patch:
        patch.setattr(drain, "_write_file", die)
        with pytest.raises(KeyboardInterrupt):
            drain.apply(tree, path, drained=True)
    assert marks(options) == (True, False)
    drain.apply(tree, path, drained=True)
    with monkeypatch.context() as patch:
        patch.setattr(drain, "_write_state", die)
        with pytest.raises(KeyboardInterrupt):
            drain.apply(tree, path, drained=False)
    assert marks(options) == (True, False)


class Balancer:
    """Looks at the mark each `interval` seconds; `threshold` answers in a row decide."""

    def __init__(self, path: Path, *, interval: float, threshold: int) -> None:
        self.path, self.interval, self.threshold = path, interval, threshold
        self.sends = True
        self._ended = threading.Event()

    def watch(self) -> None:
        against = 0
        while not self._ended.wait(self.interval):
            against = against + 1 if self.path.exists() == self.sends else 0
            if against >= self.threshold:
                self.sends, against = not self.sends, 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()


def test_f35_the_balancer_has_noticed_when_the_module_ends(call_module: Call, options: dict[str, str]) -> None:
    balancer = Balancer(Path(options["path"]), interval=0.1, threshold=3)
    with balancer.watching():
        time.sleep(0.25)
        call_module(drain_mark, state="drained", wait=1.5, **options)
        assert not balancer.sends
        call_module(drain_mark, state="serving", wait=1.5, **options)
        assert balancer.sends


def test_f35_a_wait_that_was_cut_off_is_waited_for(call_module: Call, options: dict[str, str]) -> None:
    call_module(drain_mark, state="drained", **options)
    begun = time.monotonic()
    assert call_module(drain_mark, state="drained", wait=0.3, **options)["waited"] == 0.3
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"wait": -1}, "wait has to be 0 or more"),
        ({"path": "/nonexistent/shop-drain"}, "Failed to"),
        ({"root": "shop"}, "not an absolute path"),
    ],
)
def test_wrong_input(call_module: Call, options: dict[str, str], wrong: dict[str, Any], message: str) -> None:
    assert message in call_module(drain_mark, state="drained", **{**options, **wrong})["msg"]
