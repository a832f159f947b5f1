# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program in the project's own Python.

The program goes in by standard input, values of the environment by the environment: nothing of
either is ever seen in a list of processes.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import mask, secret_values

VIRTUALENVS = (".venv", "venv")
# They lead to the modules of this Python, which is not the project's.
OWN_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")

# Old enough for any Python, so that one that is too old can say so.
_BOOTSTRAP = """\
import json, os, sys
if sys.version_info < (3, 8):
    version = ".".join(str(part) for part in sys.version_info[:3])
    message = "The project's Python, " + sys.executable + ", is " + version + ": 3.8 is the oldest that works."
    os.write({descriptor}, (json.dumps({{"error": {{"message": message}}}}) + "\\n").encode("ascii"))
    sys.exit(0)
for name, source in {sources}:
    module = sys.modules[name] = type(sys)(name)
    exec(compile(source, "<" + name.split(".")[-1] + ">", "exec", dont_inherit=True), module.__dict__)
module.main(json.loads({request!r}), {descriptor})
"""

Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Program:
    """name: what it does; modules: its parts, in the order in which they are loaded. The last one has main()."""

    name: str
    modules: Sequence[ModuleType]


@dataclass(frozen=True)
class Account:
    """Whom a program runs as, and its folder of home."""

    name: str
    uid: int
    gid: int
    home: str


def find_python(python: str | None, project_path: Path) -> str:
    """The interpreter to use; a link of a virtualenv is kept as it is, as its place matters."""
    if python is None:
        own = [project_path / name / "bin" / "python" for name in VIRTUALENVS]
        return next((str(path) for path in own if path.is_file()), sys.executable)
    if os.sep not in python:
        found = shutil.which(python)
        if found is None:
            raise TrundleError(f"The project's interpreter '{python}' is not on PATH.")
        return found
    if not Path(python).exists():
        raise TrundleError(f"The project's interpreter '{python}' does not exist.")
    if not Path(python).is_file() or not os.access(python, os.X_OK):
        raise TrundleError(f"The project's interpreter '{python}' is not an executable file.")
    return str(Path(python).absolute())


def build_program(program: Program, request: Mapping[str, Any], descriptor: int) -> bytes:
    sources = [(module.__name__, source_text(module)) for module in program.modules]
    text = _BOOTSTRAP.format(descriptor=descriptor, sources=ascii(sources), request=json.dumps(request))
    return text.encode("ascii")


def source_text(module: ModuleType) -> str:
    """A module's text, also where Ansible has packed it into a zip file."""
    loader: Any = module.__spec__.loader if module.__spec__ else None
    text = loader.get_source(module.__name__) if loader else None
    if not isinstance(text, str):
        raise TrundleError(f"Failed to read the source of {module.__name__}.")
    return text


def run_program(
    python: str,
    program: Program,
    request: Mapping[str, Any],
    environment: Mapping[str, str | None],
    *,
    progress: Progress | None = None,
    account: Account | None = None,
) -> dict[str, Any]:
    """Run the program in the project's folder and return its result; its refusal is raised.

    As another account it begins with that account's environment instead of this process's.
    """
    secrets = secret_values(environment, shown=[python, *(str(value) for value in request.values())])
    with tempfile.TemporaryFile() as text, tempfile.TemporaryFile() as output:
        reader, writer = os.pipe()
        try:
            text.write(build_program(program, request, writer))
            text.seek(0)
            # run_command returns at the end only, and progress is told while the program runs.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [python, "-"],
                cwd=request["project_path"],
                env=merged_environment(environment, account),
                stdin=text,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(writer,),
                **as_account(account),
            )
        except OSError as exc:
            os.close(reader)
            raise TrundleError(f"Failed to start the project's interpreter '{python}': {exc.strerror}") from exc
        finally:
            os.close(writer)
        try:
            with os.fdopen(reader, encoding="ascii") as channel:
                answer = read_answer(channel, progress)
            status = process.wait()
        finally:
            # Still alive only when this process is being interrupted.
            if process.poll() is None:
                process.kill()
                process.wait()
        if answer is None:
            raise TrundleError(mask(f"The {program.name} program in '{python}' {ended(status, output)}", secrets))
    return checked(answer, secrets)


def read_answer(channel: Iterable[str], progress: Progress | None) -> dict[str, Any] | None:
    """The first line that is not progress; None where the program ended without one."""
    for line in channel:
        message: dict[str, Any] = json.loads(line)
        if "progress" not in message:
            return message
        if progress is not None:
            progress(message["progress"])
    return None


def checked(answer: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    if "error" in answer:
        details = mask(dict(answer["error"]), secrets)
        raise TrundleError(details.pop("message"), **details)
    result: dict[str, Any] = answer["result"]
    result["warnings"] = mask(result["warnings"], secrets)
    return result


def ended(status: int, output: IO[bytes]) -> str:
    """How a program ended that gave no answer, with the last line it printed."""
    output.seek(0, os.SEEK_END)
    output.seek(max(0, output.tell() - 4096))
    lines = output.read().decode("utf-8", errors="replace").strip().splitlines()
    how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"{how} and gave no answer" + (f": {lines[-1].strip()}" if lines else ".")


def merged_environment(environment: Mapping[str, str | None], account: Account | None = None) -> dict[str, str]:
    """This process's environment, or that of the account, with the user's on top; None takes a variable away."""
    if account is None:
        inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    else:
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        inherited.update(HOME=account.home, USER=account.name, LOGNAME=account.name)
    # Some storages keep names in sets: the same package then has the same manifest in each run.
    merged: dict[str, str | None] = {"PYTHONHASHSEED": "0", **inherited, **environment}
    return {name: value for name, value in merged.items() if value is not None}


def as_account(account: Account | None) -> dict[str, Any]:
    """What has the process begin as the account, with its groups."""
    if account is None or account.uid == os.geteuid():
        return {}
    groups = os.getgrouplist(account.name, account.gid)
    return {"user": account.uid, "group": account.gid, "extra_groups": groups}


def find_account(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise TrundleError(f"There is no user '{name}' on this host.") from None
    if os.geteuid() not in (0, entry.pw_uid):
        raise TrundleError(f"Failed to become the user '{name}': that takes root. Set 'become: true'.")
    return Account(name, entry.pw_uid, entry.pw_gid, entry.pw_dir)
