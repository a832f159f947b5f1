# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write each role's README.md from its argument_specs and defaults; with --check only say which are out of date.

It also refuses an option that has no default and a default that has no option, so that the table is whole.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parent.parent / "roles"
# The role that has the table of all inputs, and the one that has their defaults.
TABLE, DEFAULTS = "inputs", "trundle"


def _markdown(text: str) -> str:
    """Ansible's markup as Markdown."""
    text = re.sub(r"\b[CVOE]\(((?:[^()]|\([^()]*\))*)\)", r"`\1`", text)
    return re.sub(r"\bM\(([^)]*)\)", r"`\1`", text)


def _default(value: Any) -> str:
    return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`" if value else "(empty)"


def _row(name: str, option: dict[str, Any], defaults: dict[str, Any]) -> str:
    text = " ".join(option["description"])
    if "choices" in option:
        text += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return f"| `{name}` | {option['type']} | {_default(defaults[name])} | {_markdown(text)} |"


def _defaults_of(role: Path) -> dict[str, Any]:
    if role.name == DEFAULTS:
        return {}
    folder = ROLES / DEFAULTS if role.name == TABLE else role
    found: dict[str, Any] = yaml.safe_load((folder / "defaults/main.yml").read_text(encoding="utf-8"))
    return found


def readme(role: Path) -> str:
    """The text of a role's README.md."""
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    defaults = _defaults_of(role)
    main = next(iter(specs.values()))
    options: dict[str, Any] = main["options"]
    if options.keys() != defaults.keys():
        sys.exit(f"{role.name}: only in one of argument_specs and defaults: {sorted(options.keys() ^ defaults.keys())}")
    lines = [f"# trundle.django.{role.name}", "", _markdown(" ".join(main["description"])), ""]
    others = [f"- `{name}`: {_markdown(spec['description'][0])}" for name, spec in specs.items() if spec is not main]
    if others:
        lines += ["More entry points (`tasks_from`):", "", *others, ""]
    if not options:
        return "\n".join(lines).rstrip() + "\n"
    lines += ["| Variable | Type | Default | What it is |", "|---|---|---|---|"]
    lines += [_row(name, option, defaults) for name, option in options.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a README is out of date")
    check = parser.parse_args().check
    stale = []
    for role in sorted(ROLES.iterdir()):
        target, text = role / "README.md", readme(role)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            stale.append(role.name)
            if not check:
                target.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit(f"Out of date: {', '.join(stale)}. Run python3 docs/role_readmes.py")


if __name__ == "__main__":
    main()
