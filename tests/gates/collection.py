# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that run Ansible's own test tools, in the copy of the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import interpreters
import report
import tree
import venvs
from base import BUILD, TREE, Command, GateError, Outcome, Result, environment, locked, run, say

PIP_HINT = re.compile(r"bootstrap script can be manually downloaded and saved to: (\S+)")
PIP_SHIM = '''"""Stands in for get-pip.py, which could not be downloaded: takes the pip that comes with Python."""
import runpy
import sys

sys.argv = ["ensurepip", "--upgrade", "--default-pip"]
runpy.run_module("ensurepip", run_name="__main__", alter_sys=True)
'''


def sanity() -> list[Result]:
    """All of ansible-test's sanity tests, without an ignore; import and compile on the oldest host's Python too."""
    version, venv = interpreters.newest(), venvs.newest()
    copy = tree.own("checked")
    ignores = sorted(path.name for path in (copy / "tests" / "sanity").glob("ignore*"))
    if ignores:
        raise GateError(f"Sanity is to pass without ignores; remove {', '.join(ignores)}.")
    results = [_sanity("sanity", ["--python", version], venv, copy)]
    name = f"sanity-{interpreters.HOST_VERSION}"
    host = interpreters.find(interpreters.HOST_VERSION)
    if host is None:
        return [*results, Result(name, skipped=1, note=f"Python {interpreters.HOST_VERSION} was not found")]
    target = f"{interpreters.HOST_VERSION}@{host}"
    return [*results, _sanity(name, ["--target-python", target, "--test", "import", "--test", "compile"], venv, copy)]


def _sanity(name: str, arguments: Sequence[str], venv: Path, copy: Path) -> Result:
    started = time.monotonic()
    env = environment(venv)
    host = interpreters.find(interpreters.HOST_VERSION)
    if host:
        # It looks interpreters up by name, and a pyenv shim of that name may lead nowhere.
        env["PATH"] = os.pathsep.join([str(venv / "bin"), str(host.parent), env["PATH"]])
    command: Command = [venv / "bin" / "ansible-test", "sanity", "--color", "no", "--junit", *arguments]
    junit = copy / "tests" / "output" / "junit"
    with locked("sanity"):
        shutil.rmtree(junit, ignore_errors=True)
        outcome = _with_pip(command, name, copy, env)
        passed, failed, skipped = report.count_junit(junit.glob("*.xml"))
    note = f"exit status {outcome.status}" if outcome.status and not failed else ""
    return Result(name, passed, failed or int(outcome.status != 0), skipped, time.monotonic() - started, note)


def _with_pip(command: Command, name: str, copy: Path, env: dict[str, str]) -> Outcome:
    """Run ansible-test, and once more when all that it lacked was its pip."""
    outcome = run(command, log=name, cwd=copy, env=env)
    missing = PIP_HINT.findall(outcome.output)
    if not missing:
        return outcome
    for path in dict.fromkeys(missing):
        _write_pip_shim(Path(path))
    return run(command, log=name, cwd=copy, env=env)


def _write_pip_shim(path: Path) -> None:
    """Where ansible-test can't download its pip, it takes a file of that name: give it the pip that Python bundles."""
    if path.exists():
        raise GateError(f"ansible-test could not use {path}: remove it and try again.")
    say(f"ansible-test could not download its pip: writing {path}, which uses the one that Python brings.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PIP_SHIM, encoding="utf-8")


# For root to be root Mitogen needs sudo, which may not be there; and what goes on in the background it ends otherwise.
LINEAR = ("handover", "instance", "instance_info", "jobs_module", "nginx_upstream", "swap")


def integration(names: Sequence[str] = ()) -> list[Result]:
    """The integration targets (all, or those named), on this machine as root or as the user.

    Mitogen runs the tasks of most of them, in processes that have loaded Ansible's own code already, which spares more
    than half of the processor. The playbooks that a target starts run as users run them, and so do all scenarios.
    TRUNDLE_STRATEGY=linear has all targets run like that, too.
    """
    version, venv = interpreters.usual(), venvs.usual()
    tree.make()
    env = environment(venv)
    arguments = ["--local", "--python", version, "--allow-root", "--allow-destructive"]
    base: Command = [venv / "bin" / "ansible-test", "integration", "--color", "no", *arguments]
    listed = run([*base, "--list-targets", *names], log="integration-targets", cwd=TREE, env=env)
    targets = [line for line in listed.output.splitlines() if re.fullmatch(r"[\w.-]+", line)]
    if listed.status or not targets:
        return [Result("integration", failed=1, note="listing the targets failed" if listed.status else "no targets")]
    linear = [name for name in targets if name in LINEAR or os.environ.get("TRUNDLE_STRATEGY") == "linear"]
    shared = [name for name in targets if name not in linear]
    base = [*base, "--continue-on-error"]
    results = []
    if linear:
        _configure(venv, mitogen=False)
        results.append(_integration("integration-linear", [*base, *linear], linear, env))
    if shared:
        _configure(venv, mitogen=True)
        results.append(_integration("integration", [*base, *shared], shared, env))
    return results


def _integration(name: str, command: Command, targets: Sequence[str], env: dict[str, str]) -> Result:
    started = time.monotonic()
    with locked("ansible-test"):
        outcome = run(command, log=name, cwd=TREE, env=env)
    failed = report.failed_targets(outcome.output)
    number = len(failed) or int(outcome.status != 0)
    return Result(name, len(targets) - number, number, 0, time.monotonic() - started, " ".join(failed))


def _configure(venv: Path, *, mitogen: bool) -> None:
    """Write what all targets are to know: how they are run, and where one keeps what the next one needs, too."""
    # One process less for each task, of which the targets have hundreds.
    lines = ["[connection]", "pipelining = true"]
    if mitogen:
        folder = next(venv.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
        lines += ["[defaults]", f"strategy_plugins = {folder}", "strategy = mitogen_linear"]
    (TREE / tree.SETTINGS).write_text("\n".join([*lines, ""]), encoding="utf-8")
    (TREE / tree.VARIABLES).write_text(f"---\nsetup_azure_programs: {json.dumps(str(BUILD))}\n", encoding="utf-8")
