# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs collections in forks of a process that has Django loaded: one request a line, one status a line."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import django.contrib.staticfiles.management.commands.collectstatic
import django.contrib.staticfiles.storage
import django.core.checks
import django.core.management


def run(request: dict[str, Any]) -> None:
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.chdir(request["project"])
    if request["what"] == "manage":
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.path.insert(0, request["project"])
        os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
        arguments = ["manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        django.core.management.execute_from_command_line(arguments)
        return
    os.dup2(output, request["descriptor"])
    code = compile(Path(request["program"]).read_bytes(), "<stdin>", "exec", dont_inherit=True)
    exec(code, {"__name__": "__main__"})  # noqa: S102 (what this is for)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                run(json.loads(line))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        print(status, flush=True)


if __name__ == "__main__":
    main()
