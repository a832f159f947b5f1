# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a deploy and strike in the middle of it: when a task has ended on a host, or at a random moment.

python3 strike.py --out FILE --task NAME [--host HOST] --do "COMMAND" [--then 20 "COMMAND"] -- ansible-playbook ...
python3 strike.py --out FILE --kill-within SECONDS --seed N -- ansible-playbook ...

Its own exit status is that of the deploy, 137 where that was killed. FILE tells when and how it struck, and how long
the deploy ran. Needs ANSIBLE_CALLBACKS_ENABLED=trundle.django.timeline, by which it sees how far the deploy is.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import processes, tree

EVERY = 0.05


class Watch:
    """How far the deploy is, by the lines that its timeline has got since the last look."""

    def __init__(self, path: Path, task: str, host: str | None) -> None:
        self.path, self.task, self.host = path, task, host
        self.offset = 0

    def reached(self) -> bool:
        if not self.path.exists():
            return False
        with self.path.open("rb") as file:
            file.seek(self.offset)
            text = file.read()
        # A line that is being written is read the next time.
        whole = text[: text.rfind(b"\n") + 1]
        self.offset += len(whole)
        return any(self._meant(json.loads(line)) for line in whole.splitlines())

    def _meant(self, line: dict[str, Any]) -> bool:
        ended = line["status"] in ("ok", "changed")
        return ended and line["task"].endswith(self.task) and self.host in (None, line["host"])


def strike(command: str) -> dict[str, Any]:
    began = time.time()
    done = subprocess.run(
        shlex.split(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    times = {"began": began, "seconds": round(time.time() - began, 1)}
    return {"command": command, "status": done.returncode, "output": done.stdout, **times}


@contextmanager
def held(program: int) -> Iterator[None]:
    """A strike takes no time, as the deploy sees it: on a busy machine it would come tasks later otherwise."""
    os.kill(program, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(program, signal.SIGCONT)


def kill(program: int) -> dict[str, Any]:
    """As when the controller loses its power: nothing of the deploy has a moment for last words."""
    struck = tree(program, processes())
    for process in struck:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return {"command": "kill -9", "status": 0, "processes": len(struck), "began": time.time()}


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    timeline = options.out.with_suffix(".jsonl")
    timeline.unlink(missing_ok=True)
    names = {"ANSIBLE_CALLBACKS_ENABLED": "trundle.django.timeline", "TRUNDLE_TIMELINE": str(timeline)}
    began = time.monotonic()
    program = subprocess.Popen(options.command, env={**os.environ, **names})
    strikes: list[dict[str, Any]] = []
    if options.kill_within is not None:
        moment = random.Random(options.seed).uniform(0, options.kill_within)  # noqa: S311
        with suppress(subprocess.TimeoutExpired):
            program.wait(timeout=moment)
        if program.poll() is None:
            strikes.append({"after": round(moment, 1), **kill(program.pid)})
    else:
        watch = Watch(timeline, options.task, options.host)
        while program.poll() is None and not watch.reached():
            time.sleep(EVERY)
        if program.poll() is None:
            with held(program.pid):
                strikes.append(strike(options.do))
            for seconds, command in options.then:
                time.sleep(float(seconds))
                strikes.append(strike(command))
    status = program.wait()
    result = {"status": status, "seconds": round(time.monotonic() - began, 1), "strikes": strikes}
    return (128 - status if status < 0 else status), result


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file; the timeline is beside it")
    moment = parser.add_mutually_exclusive_group(required=True)
    moment.add_argument("--task", help="strike when this task (the end of its name) has ended")
    moment.add_argument("--kill-within", type=float, metavar="SECONDS", help="kill -9 at a random moment before that")
    parser.add_argument("--host", help="on this host; else on any")
    parser.add_argument("--do", metavar="COMMAND", help="what is done then")
    parser.add_argument(
        "--then", nargs=2, action="append", default=[], metavar=("SECONDS", "COMMAND"), help="and later"
    )
    parser.add_argument("--seed", type=int, help="of the random moment")
    parser.add_argument("command", nargs="+")
    return parser


def main() -> int:
    parser = build_parser()
    options = parser.parse_args()
    if options.task and not options.do:
        parser.error("--task needs --do")
    status, result = run(options)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
