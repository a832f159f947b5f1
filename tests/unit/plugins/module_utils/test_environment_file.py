# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files, as systemd reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils.environment_file import (
    parse_environment,
    read_environment,
)
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("A=1\nB=two words\n", {"A": "1", "B": "two words"}, id="plain"),
        pytest.param("# A=1\n; B=2\n\n  C=3  \n", {"C": "3"}, id="comments-and-spaces"),
        pytest.param("# ends \\\nA=1\nB=2", {"A": "1", "B": "2"}, id="comment-with-a-backslash"),
        pytest.param('A="a \\"b\\" \\\\ \\$c \\`d"', {"A": 'a "b" \\ $c `d'}, id="escapes-between-double-quotes"),
        pytest.param('A="\\n \\x"', {"A": "\\n \\x"}, id="no-escape"),
        pytest.param("A='a \\ \"b'", {"A": 'a \\ "b'}, id="single-quotes"),
        pytest.param('A="one\ntwo"\nB=2', {"A": "one\ntwo", "B": "2"}, id="quoted-lines"),
        pytest.param("A=one \\\n  two\nB=2", {"A": "one   two", "B": "2"}, id="line-that-goes-on"),
        pytest.param("A=\\ b\\=\n", {"A": " b="}, id="bare-escapes"),
        pytest.param("A='b'\"c\"d\n", {"A": "bcd"}, id="parts"),
        pytest.param('A="  kept  "  \n', {"A": "  kept  "}, id="spaces-between-quotes"),
        pytest.param("A=\nB\nC=$A%n#1", {"A": "", "C": "$A%n#1"}, id="nothing-is-replaced"),
        pytest.param("1A=1\nA-B=2\nexport C=3\n_d=4", {"_d": "4"}, id="names"),
        pytest.param("A=1\nA=2", {"A": "2"}, id="the-last-one-counts"),
    ],
)
def test_parse(text: str, expected: dict[str, str]) -> None:
    assert parse_environment(text) == expected


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match=r"Failed to read the environment file .*/none.env: No such file"):
        read_environment(f"{tmp_path}/none.env")
