# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that read the project without running it: linters, types, docs, and the packed collection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import interpreters
import tree
import venvs
from background import placed
from base import BUILD, COLLECTIONS, ROOT, TREE, Command, Result, check, environment, run

# All that may be at the top of the tarball.
PACKED = {
    "CHANGELOG.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}
# Ours, outside the collection proper, and typed as strictly.
TYPED = ("tests/gates", "molecule/shared", "examples")


def lint() -> list[Result]:
    venv = venvs.usual()
    # It reads what ansible-test makes and removes in the usual copy, too.
    copy = tree.own("linted")
    # ansible-lint installs the collection into Ansible's home, and what another run left there would win over the copy.
    home = BUILD / "ansible-lint"
    shutil.rmtree(home, ignore_errors=True)
    env = environment(venv, {"ANSIBLE_HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(copy.parents[2])})
    results = [check([venv / "bin" / "ruff", "check", "."], log="ruff", env=env)]
    command: Command = [venv / "bin" / "ansible-lint", "--offline", "--nocolor"]
    return [*results, check(command, log="ansible-lint", cwd=copy, env=env)]


def types() -> list[Result]:
    venv = venvs.newest()
    tree.make()
    mypy: Command = [venv / "bin" / "mypy", "--config-file", ROOT / "pyproject.toml", "--cache-dir", BUILD / "mypy"]
    env = environment(venv, {"MYPYPATH": str(COLLECTIONS)})
    results = []
    for package in ("plugins", "benchmarks"):
        command: Command = [*mypy, "-p", f"ansible_collections.trundle.django.{package}"]
        results.append(check(command, log=f"mypy-{package}", cwd=COLLECTIONS, env=env))
    for folder in TYPED:
        if any((ROOT / folder).glob("*.py")):
            files = sorted(path.name for path in (ROOT / folder).glob("*.py"))
            env = environment(venv, {"MYPYPATH": "."})
            results.append(check([*mypy, *files], log=f"mypy-{folder.replace('/', '-')}", cwd=ROOT / folder, env=env))
    return [*results, _companion_types()]


def _companion_types() -> Result:
    """With the companion's own settings and Django's stubs, in a venv of its own."""
    python = interpreters.controllers()[interpreters.newest()]
    path = f"{venvs.bootstrap().parent}{os.pathsep}{os.environ['PATH']}"
    script = ROOT / "companion" / "run-types.sh"
    return check([script, python], log="mypy-companion", env=environment(extra={"PATH": path}))


def docs() -> list[Result]:
    venv = venvs.newest()
    tree.make()
    command: Command = [
        venv / "bin" / "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--skip-rstcheck",
        ".",
    ]
    return [check(command, log="docs", cwd=TREE, env=environment(venv))]


def package() -> list[Result]:
    """Build the tarball, install it where nothing else is, and read the documentation of every plugin from there."""
    venv = venvs.newest()
    tree.make()
    out, path = BUILD / "package", BUILD / "installed"
    for folder in (out, path):
        shutil.rmtree(folder, ignore_errors=True)
    env = environment(venv, {"ANSIBLE_COLLECTIONS_PATH": str(path)})
    galaxy: Command = [venv / "bin" / "ansible-galaxy", "collection"]
    built = check([*galaxy, "build", "--force", "--output-path", out], log="package-build", cwd=TREE, env=env)
    if built.failed:
        return [built]
    tarball = next(out.glob("*.tar.gz"))
    command: Command = [*galaxy, "install", "--offline", "--no-deps", "-p", path, tarball]
    return [built, _contents(tarball), check(command, log="package-install", env=env), *_docs(venv, path, env)]


def _contents(tarball: Path) -> Result:
    with tarfile.open(tarball) as archive:
        tops = {name.partition("/")[0] for name in archive.getnames()}
    strange = sorted(tops - PACKED)
    note = f"not for users: {' '.join(strange)}" if strange else ""
    return Result("package-contents", passed=int(not strange), failed=int(bool(strange)), note=note)


def _docs(venv: Path, path: Path, env: dict[str, str]) -> list[Result]:
    """One test for each module, role and playbook that the installed collection has."""
    started = time.monotonic()
    installed = path / "ansible_collections" / "trundle" / "django"
    passed, broken = 0, []
    for kind, names in _documented(installed).items():
        shown = _shown(venv, kind, names, env)
        passed += len(shown)
        broken += sorted(set(names) - shown)
    for playbook in sorted((installed / "playbooks").glob("*.yml")):
        name = f"trundle.django.{playbook.stem}"
        command: Command = [venv / "bin" / "ansible-playbook", "--syntax-check", "-i", "localhost,", name]
        if run(command, log=f"package-{playbook.stem}", env=env).status:
            broken.append(name)
        else:
            passed += 1
    seconds = time.monotonic() - started
    return [Result("package-docs", passed, len(broken), 0, seconds, " ".join(broken))]


def _documented(installed: Path) -> dict[str, list[str]]:
    roles = [path.parents[1].name for path in sorted((installed / "roles").glob("*/meta/argument_specs.yml"))]
    found = {"role": [f"trundle.django.{name}" for name in roles]}
    for kind, folder in {"module": "modules", "callback": "callback", "filter": "filter", "lookup": "lookup"}.items():
        paths = sorted((installed / "plugins" / folder).glob("[!_]*.py"))
        found[kind] = [f"trundle.django.{path.stem}" for path in paths]
    return found


def _shown(venv: Path, kind: str, names: list[str], env: dict[str, str]) -> set[str]:
    """Those of the names that ansible-doc has something to say of."""
    if not names:
        return set()
    command = placed([venv / "bin" / "ansible-doc", "--json", "-t", kind, *names])
    answer = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=False)
    try:
        found = json.loads(answer.stdout)
    except ValueError:
        return set()
    return {name for name in names if _says_something(found.get(name, {}))}


def _says_something(found: dict[str, Any]) -> bool:
    return bool(found.get("entry_points") or found.get("doc", {}).get("description"))
