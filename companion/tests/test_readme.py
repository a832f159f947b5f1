# SPDX-License-Identifier: BSD-3-Clause
"""What the README says in its tables and examples is what the code has."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from pathlib import Path

import pytest

import trundle
from trundle import checks
from trundle.cache import conf as cache_conf
from trundle.health import Check
from trundle.health.conf import DEFAULT_CHECKS, NUMBERS
from trundle.management.commands.reset_app import Command
from trundle.storage import ReleaseStaticFilesStorage

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def table(section: str, head: str) -> list[str]:
    """The first column of a table, without the marks of code."""
    text = README.partition(f"\n## {section}\n")[2].partition(f"| {head} |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    names = [re.findall(r"`([^`]+)`", row) for row in rows]
    return [name[0] for name in names if name]


@pytest.mark.parametrize("text", PYTHON, ids=range(len(PYTHON)))
def test_examples_are_python(text: str) -> None:
    ast.parse(text)


def test_system_checks() -> None:
    source = inspect.getsource(checks)
    assert set(table("System checks", "id")) == set(re.findall(r"trundle\.[EW]\d{3}", source))


def test_options_of_the_storage() -> None:
    known = set(inspect.signature(ReleaseStaticFilesStorage.__init__).parameters)
    assert set(table("Static files", "option")) == known - {"self", "location", "args", "kwargs"}


def test_options_of_the_chain() -> None:
    assert table("Chained cache", "option") == list(cache_conf.OPTIONS)


def test_settings_of_the_health_views() -> None:
    (shown,) = (text for text in PYTHON if text.startswith("TRUNDLE_HEALTH"))
    values = ast.literal_eval(shown.partition("=")[2].strip())
    named = [f"trundle.health.{check.__name__}" for check in DEFAULT_CHECKS]
    assert {key: values[key] for key in NUMBERS} == NUMBERS
    assert [name for name in values["CHECKS"] if name.startswith("trundle.")] == named


def test_attributes_of_a_check() -> None:
    own = [*Check.__annotations__, "run", "shared", "warning", "problem()"]
    assert {"run", *table("Health", "of a check")} == set(own)


def test_options_of_the_command() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    Command().add_arguments(parser)
    known = {action.option_strings[0] for action in parser._actions if action.option_strings}
    assert {name.split()[0] for name in table("Resetting apps", "option")} == known


def test_versions_agree() -> None:
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert found[1] == trundle.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changelog, re.MULTILINE)[1] == trundle.__version__  # type: ignore[index]
