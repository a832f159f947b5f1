# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zipfile
from pathlib import Path

import distributions
import pytest

FILES = ["trundle/__init__.py", "trundle/health/views.py", "trundle/py.typed"]
METADATA = "django_trundle-1.dist-info/METADATA"


@pytest.mark.parametrize(
    ("sources", "packed", "note"),
    [
        pytest.param(FILES, FILES, "", id="all"),
        pytest.param(FILES, FILES[:2], "missing: trundle/py.typed", id="a-file-is-missing"),
        pytest.param(FILES, [*FILES, "tests/a.py"], "not for users: tests/a.py", id="a-file-too-many"),
        pytest.param(FILES[:2], FILES[:2], "no py.typed", id="not-typed"),
    ],
)
def test_the_wheel_has_the_sources_and_nothing_else(
    tmp_path: Path, sources: list[str], packed: list[str], note: str
) -> None:
    for name in [*sources, "trundle/__pycache__/a.pyc"]:
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in [*packed, METADATA]:
            archive.writestr(name, "")
    result = distributions.contents(wheel, tmp_path / "src")
    assert (result.failed, result.note) == (int(bool(note)), note)
    assert result.passed == 1 - result.failed
