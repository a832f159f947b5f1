# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.modules import nginx_upstream

# The switch itself is tested with a real nginx in test_nginx.py and in the integration target.

Call = Callable[..., dict[str, Any]]
TEXT = "# Managed by trundle.django; changes are overwritten.\nupstream shop {\n    server unix:/v2.sock;\n}\n"


def options(folder: Path) -> dict[str, Any]:
    return {
        "name": "shop",
        "servers": ["unix:/v2.sock"],
        "path": str(folder / "upstream.conf"),
        "pid_file": str(folder / "nginx.pid"),
    }


def test_check_mode_shows_the_file_and_writes_nothing(call_module: Call, tmp_path: Path) -> None:
    told = call_module(nginx_upstream, check=True, **options(tmp_path))
    assert (told["changed"], told["reloaded"], told["drained"]) == (True, True, None)
    assert (told["diff"]["before"], told["diff"]["after"]) == ("", TEXT)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "upstream.conf").write_text(TEXT)
    assert not call_module(nginx_upstream, check=True, **options(tmp_path))["changed"]


def test_nginx_has_to_run(call_module: Call, tmp_path: Path) -> None:
    failed = call_module(nginx_upstream, **options(tmp_path))
    assert "nginx is not running" in failed["msg"]
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_breaks_out_is_refused(call_module: Call, tmp_path: Path) -> None:
    failed = call_module(nginx_upstream, **{**options(tmp_path), "servers": ["a; } evil {"]})
    assert "is not valid in an nginx configuration" in failed["msg"]
