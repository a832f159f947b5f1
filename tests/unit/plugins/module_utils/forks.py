# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections in forks of processes that have Django loaded: starting it anew takes longer than most tests' work.

That the program runs in a process of its own is what test_collect_process.py is for, and the comparisons of whole
packages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import collect as collecting
from ansible_collections.trundle.django.plugins.module_utils.collect_process import run_worker
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import BUILD, Site


class ForkServer:
    """One process a Django that has it loaded, and forks for each collection: much faster than starting anew."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        program = Path(__file__).with_name("fork_server.py")
        self.process = subprocess.Popen(
            [python, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            # As in collections of their own: where a class keeps names in sets, its manifest has their order.
            env={**os.environ, "PYTHONHASHSEED": "0"},
            text=True,
        )

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
        assert self.process.stdout
        self.process.stdout.close()

    def _ask(self, **request: Any) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        status: int = json.loads(self.process.stdout.readline())
        return status

    def manage(self, project: Path) -> str | None:
        """Run manage.py collectstatic; returns what it failed with."""
        output = self.folder / "output"
        status = self._ask(what="manage", project=str(project), output=str(output))
        return None if status == 0 else re.sub(r"\s+", " ", output.read_text(errors="replace"))[-2000:]

    def worker(self, _python: str, request: Any, _environment: Any, **_options: Any) -> dict[str, Any]:
        """Stands in for run_worker: the same program, in a fork."""
        from ansible_collections.trundle.django.plugins.module_utils import project_process
        from ansible_collections.trundle.django.plugins.module_utils.collect_process import PROGRAM

        descriptor = 200
        program, output = self.folder / "program", self.folder / "answer"
        program.write_bytes(project_process.build_program(PROGRAM, request, descriptor))
        self._ask(
            what="program",
            project=request["project_path"],
            program=str(program),
            descriptor=descriptor,
            output=str(output),
        )
        with output.open(encoding="ascii") as channel:
            answer = project_process.read_answer(channel, None)
        assert answer is not None
        return project_process.checked(answer, [])


_servers: dict[str, ForkServer] = {}


def server(python: str | Path) -> ForkServer:
    """The one of an interpreter, started when it is first asked for."""
    if str(python) not in _servers:
        _servers[str(python)] = ForkServer(Path(python), Path(tempfile.mkdtemp(prefix="trundle-forks-")))
    return _servers[str(python)]


def close() -> None:
    while _servers:
        _python, ended = _servers.popitem()
        ended.close()
        shutil.rmtree(ended.folder)


def collect(options: Any) -> collecting.Collected:
    """collect(), in a fork unless the project has an interpreter or an environment of its own."""
    own = options.environment or options.python is None or BUILD not in Path(options.python).parents
    return collecting.collect(options, worker=run_worker if own else server(options.python).worker)


def manage(site: Site) -> None:
    """What manage.py collectstatic does."""
    failed = server(site.python).manage(site.folder)
    assert failed is None, failed
