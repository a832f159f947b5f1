# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The browser that keeps a page of an old release open, in real Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager

import browser
import pytest

pytestmark = pytest.mark.skipif(
    not any(map(browser.shutil.which, browser.NAMES)), reason="there is no Chromium on PATH to open a page with"
)


class Tab:
    """A running browser.py, spoken to line by line."""

    def __init__(self, process):
        self.process = process

    def answer(self):
        return json.loads(self.process.stdout.readline())

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()


@contextmanager
def open_tab(server, tmp_path):
    where = ["--url", f"http://shop.example.com:{server.port}/", "--resolve", "shop.example.com=127.0.0.1"]
    command = [sys.executable, browser.__file__, *where, "--state", str(tmp_path / "state"), "--timeout", "10"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Tab(process)
        process.stdin.close()
        process.wait(20)


def test_f2_an_open_page_loads_the_chunk_of_its_own_release(site, server, tmp_path):
    with open_tab(server, tmp_path) as tab:
        opened = tab.answer()
        assert (opened["ok"], opened["release"], opened["errors"]) == (True, "v1", [])
        site.serving = "v2"
        loaded = tab.tell("load-chunk")
        assert (loaded["ok"], loaded["status"], loaded["release"]) == (True, 200, "v1")
        assert loaded["chunk"].endswith(site.names["v1"]["chunk"])
        assert loaded["text"] == "chunk of v1"
        assert tab.tell("reload")["release"] == "v2"
        assert tab.tell("load-chunk")["text"] == "chunk of v2"
        picture = tmp_path / "page.png"
        assert tab.tell(f"screenshot {picture}")["ok"]
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert tab.process.returncode == 0
    assert list((tmp_path / "state").iterdir()) == []


def test_f2_a_chunk_that_was_removed_is_seen(site, server, tmp_path):
    with open_tab(server, tmp_path) as tab:
        assert tab.answer()["ok"]
        del site.assets[site.names["v1"]["chunk"]]
        loaded = tab.tell("load-chunk")
        assert (loaded["ok"], loaded["status"]) == (False, 404)
        assert any("status 404" in error for error in loaded["errors"])
        assert not tab.tell("jump")["ok"]
    assert tab.process.returncode == 1


def test_a_page_whose_module_is_missing_is_not_well(site, server, tmp_path):
    del site.assets[site.names["v1"]["app"]]
    with open_tab(server, tmp_path) as tab:
        opened = tab.answer()
    assert (opened["ok"], opened["release"]) == (False, "v1")


def test_a_site_that_does_not_answer_is_said(server, tmp_path):
    server.port = 9  # nobody listens there, and Chromium refuses the port
    with open_tab(server, tmp_path) as tab:
        opened = tab.answer()
    assert opened["ok"] is False
    assert "ERR_" in opened["errors"][0]
    assert tab.process.returncode == 1


@pytest.mark.parametrize(
    ("pairs", "rules"),
    [([], ""), (["a=1.2.3.4"], "MAP a 1.2.3.4"), (["a=1.2.3.4", "b=1.2.3.4:80"], "MAP a 1.2.3.4, MAP b 1.2.3.4:80")],
)
def test_resolver_rules(pairs, rules):
    assert browser.resolver_rules(pairs) == rules


def test_a_wrong_resolver_rule_is_refused():
    with pytest.raises(ValueError, match="HOST=ADDRESS"):
        browser.resolver_rules(["a"])
