# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command of a front-end build, which runs only where its inputs are others than those of its outputs.

What decides is content alone: the inputs, the command, the environment that the user gives, the versions
of programs that the user asks for, and the outputs. So no moment at which a run is killed can make a later
one take wrong outputs for right.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from ansible_collections.trundle.django.plugins.module_utils import build_step_files as step_files
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import STATE_FOLDER, OutputCache
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, read_bytes
from ansible_collections.trundle.django.plugins.module_utils.masking import mask, secret_values
from ansible_collections.trundle.django.plugins.module_utils.project_process import merged_environment

SCHEMA = 1
# Lines of a failed command's output that are shown, and names in a reason.
LINES, NAMED = 20, 5
# Seconds to wait for another run in the same folder.
LOCK_WAIT = 600


@dataclass(frozen=True)
class Step:
    """What the user asks for.

    inputs: None for all files; path: folders to look for programs in first; versions: commands whose output
    decides too.
    """

    command: Sequence[str]
    chdir: Path
    outputs: Sequence[str]
    inputs: Sequence[str] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    path: Sequence[str] = ()
    clean: bool = True
    cache: OutputCache | None = None
    versions: Sequence[Sequence[str]] = ()

    @property
    def output_paths(self) -> list[Path]:
        return [Path(os.path.normpath(self.chdir / name)) for name in self.outputs]

    @property
    def state_path(self) -> Path:
        """A state for each set of outputs, so that steps in one folder do not mix."""
        return self.chdir / STATE_FOLDER / f"{_digest(sorted(self.outputs))[:16]}.json"


@dataclass(frozen=True)
class Plan:
    """What is to do and why. inputs: path -> digest now; before: those of the last run."""

    action: Literal["skip", "restore", "run"]
    reason: str
    key: str
    inputs: Mapping[str, str]
    before: Mapping[str, str]
    outputs: str | None
    known: bool


@dataclass(frozen=True)
class Built:
    plan: Plan
    seconds: float
    warnings: list[str]


def build(step: Step, *, dry_run: bool = False) -> Built:
    """Bring the outputs of a step up to date, or only tell what that would take."""
    started = time.monotonic()
    _check(step)
    if dry_run:
        return Built(make_plan(step), time.monotonic() - started, [])
    with _locked(step) as lock:
        try:
            plan, warnings = _bring_up_to_date(step, lock)
        except OSError as exc:
            raise TrundleError(f"Failed to keep the outputs of the build in {step.chdir}: {exc}") from exc
    return Built(plan, time.monotonic() - started, warnings)


def _check(step: Step) -> None:
    if not step.chdir.is_dir():
        raise TrundleError(f"There is no folder {step.chdir} to run the build in.")
    if not step.command:
        raise TrundleError("The command of the build is empty.")
    if not step.outputs:
        raise TrundleError("Name the files or folders that the command makes as its outputs.")
    folder, paths = step.chdir.resolve(), step.output_paths
    for name, path in zip(step.outputs, paths):
        if Path(name).is_absolute():
            raise TrundleError(f"The output '{name}' is not relative to {step.chdir}.")
        if path.resolve() in (folder, *folder.parents):
            raise TrundleError(f"The output '{name}' holds the folder that the command runs in: name a folder in it.")
        if any(path in (other, *other.parents) for other in paths if other is not path):
            raise TrundleError(f"The output '{name}' holds another one, or is named twice.")


def make_plan(step: Step) -> Plan:
    """Compare what is there with what the last run left; changes nothing."""
    inputs = step_files.read_inputs(step.chdir, step.inputs, step.outputs)
    decides = _decides(step)
    key = _digest({"schema": SCHEMA, **decides, "outputs": list(step.outputs), "inputs": inputs})
    outputs = step_files.tree_digest(step.output_paths)
    state = _read_state(step)
    before: dict[str, str] = state.get("inputs", {})
    reason = _reason(step, state, {**decides, "inputs": inputs}, outputs)
    plan = Plan("skip", reason or "nothing changed", key, inputs, before, outputs, known=bool(state) and not reason)
    if not reason:
        return plan
    entry = step.cache.find(key) if step.cache else None
    if entry is None:
        return replace(plan, action="run")
    # Outputs that were put there by other means, such as git, may be right already.
    if entry.digest == outputs:
        return replace(plan, reason="the outputs are there already")
    return replace(plan, action="restore")


def _decides(step: Step) -> dict[str, str]:
    decides = {"command": _digest([*step.command, step.clean]), "environment": _digest(dict(step.environment))}
    if step.versions:
        decides["versions"] = _digest([[list(command), _output(step, command)] for command in step.versions])
    return decides


def _output(step: Step, command: Sequence[str]) -> str:
    """What a command prints that tells a version."""
    try:
        # run_command ends the module where a program is missing, and the error would not name the step.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            list(command),
            cwd=step.chdir,
            env=_environment(step),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as exc:
        raise TrundleError(f"Failed to start {_named(step, command)}: {exc.strerror}.") from exc
    if done.returncode:
        raise TrundleError(f"{_named(step, command)} tells no version: it ended with status {done.returncode}.")
    return (done.stdout + done.stderr).decode("utf-8", errors="replace")


def _reason(step: Step, state: Mapping[str, Any], now: Mapping[str, Any], outputs: str | None) -> str | None:
    """Why the outputs may be others than the command would make; None where they are not."""
    if not state:
        return "it has not run here before"
    before, inputs = state["inputs"], now["inputs"]
    changed = sorted(name for name in {**before, **inputs} if before.get(name) != inputs.get(name))
    if changed:
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        return f"inputs changed: {printable(', '.join(changed[:NAMED]))}{more}"
    for what in ("command", "environment", "versions"):
        if state.get(what) != now.get(what):
            return f"the {what} changed"
    if state["outputs"] != outputs:
        return f"the outputs are not what it made: {printable(', '.join(step.outputs))}"
    return None


def _bring_up_to_date(step: Step, lock: int) -> tuple[Plan, list[str]]:
    for path in step.output_paths:
        step_files.put_back(path)
    plan, warnings = make_plan(step), []
    if plan.action == "restore" and not _restore(step, plan.key):
        warnings.append("The outputs in the cache were damaged: they were removed, and the command runs.")
        plan = replace(plan, action="run")
    if plan.action == "run":
        warnings += _run(step, plan, lock)
    if plan.action != "skip" or not plan.known:
        _write_state(step, plan)
    for path in step.output_paths:
        step_files.remove(step_files.old(path))
    if step.cache and plan.action != "run":
        entry = step.cache.find(plan.key)
        if entry:
            step.cache.use(entry)
    return plan, warnings


def _restore(step: Step, key: str) -> bool:
    """Put outputs of an earlier run in place, each copied beside and renamed; False where they are damaged."""
    entry = step.cache.find(key) if step.cache else None
    if step.cache is None or entry is None:
        return False
    paths = step.output_paths
    waiting = [step_files.new(path) for path in paths]
    try:
        for number, path in enumerate(waiting):
            path.parent.mkdir(parents=True, exist_ok=True)
            step_files.copy(entry.path / str(number), path)
        whole = step_files.tree_digest(waiting) == entry.digest
    except FileNotFoundError:
        whole = False
    if not whole:
        for path in waiting:
            step_files.remove(path)
        step.cache.drop(entry.path)
        return False
    for path in paths:
        step_files.put_aside(path)
        step_files.new(path).rename(path)
    return True


def _run(step: Step, plan: Plan, lock: int) -> list[str]:
    """Run the command; where it fails, the outputs are what they were. Returns warnings."""
    paths = step.output_paths
    if step.clean:
        for path in paths:
            step_files.put_aside(path)
    try:
        _run_command(step, lock)
        missing = [name for name, path in zip(step.outputs, paths) if not os.path.lexists(path)]
        if missing:
            raise TrundleError(f"{_named(step)} ended well, but did not make {_quoted(missing)} of its outputs.")
    except BaseException:
        for path in paths:
            if step.clean:
                step_files.remove(path)
            step_files.put_back(path)
        raise
    warnings = []
    after = step_files.read_inputs(step.chdir, step.inputs, step.outputs)
    changed = sorted(name for name in after if after[name] != plan.inputs.get(name))
    if changed:
        text = (
            f"{_named(step)} made or changed {_quoted(changed[:NAMED])}, which it has as inputs, so that it runs again "
        )
        warnings.append(text + "next time: name them in the outputs, or name the inputs.")
    if step.cache:
        try:
            step.cache.keep(plan.key, step_files.tree_digest(paths) or "", paths)
        except OSError as exc:
            warnings.append(f"The outputs of {_named(step)} were not kept in {step.cache.folder}: {exc}")
    return warnings


def _run_command(step: Step, lock: int) -> None:
    with tempfile.TemporaryFile() as output:
        try:
            # run_command would not hand the lock on: should this process be killed, the command keeps it.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                list(step.command),
                cwd=step.chdir,
                env=_environment(step),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as exc:
            raise TrundleError(f"Failed to start {_named(step)}: {exc.strerror}.") from exc
        try:
            status = process.wait()
        finally:
            # What it started and left behind must not write into the outputs any more.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if status:
            raise _failed(step, status, output)


def _environment(step: Step) -> dict[str, str]:
    environment = merged_environment(step.environment)
    environment["PATH"] = os.pathsep.join([*step.path, environment.get("PATH", os.defpath)])
    return environment


def _failed(step: Step, status: int, output: IO[bytes]) -> TrundleError:
    output.seek(max(0, output.seek(0, os.SEEK_END) - 65_536))
    lines = [line.rstrip() for line in output.read().decode("utf-8", errors="replace").splitlines()]
    lines = mask([line for line in lines if line][-LINES:], _secrets(step))
    how = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
    said = ", after:\n" + "\n".join(lines) if lines else " and said nothing."
    return TrundleError(f"{_named(step)} {how}{said}", status=status, output=lines)


def _secrets(step: Step) -> list[str]:
    return secret_values(step.environment, shown=[str(step.chdir), *step.outputs])


def _named(step: Step, command: Sequence[str] = ()) -> str:
    named: str = mask(f"`{shlex.join(command or step.command)}` in {step.chdir}", _secrets(step))
    return named


def _quoted(names: Sequence[str]) -> str:
    return printable(", ".join(f"'{name}'" for name in names))


def printable(text: str) -> str:
    """A name that is no text can be a file's, but not part of a result."""
    return os.fsencode(text).decode("utf-8", errors="replace")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def _read_state(step: Step) -> dict[str, Any]:
    """What the last run left; nothing where that is missing or of another kind."""
    data = read_bytes(step.state_path)
    try:
        state: dict[str, Any] = json.loads(data or b"{}")
    except ValueError:
        return {}
    return state if state.get("schema") == SCHEMA else {}


def _write_state(step: Step, plan: Plan) -> None:
    outputs = step_files.tree_digest(step.output_paths)
    state = {
        "schema": SCHEMA,
        "key": plan.key,
        **_decides(step),
        "inputs": dict(plan.inputs),
        "names": list(step.outputs),
        "outputs": outputs,
    }
    atomic_write(step.state_path, json.dumps(state, indent=1).encode("ascii") + b"\n", mode=0o600)


@contextlib.contextmanager
def _locked(step: Step) -> Iterator[int]:
    """One run at a time. The command inherits the lock, so one whose module was killed has to end first."""
    path = step.state_path.with_suffix(".lock")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        stream = path.open("w")
    except OSError as exc:
        raise TrundleError(f"Failed to write {path}: {exc.strerror}") from exc
    with stream:
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    text = f"Another run of the build in {step.chdir} has not ended in {LOCK_WAIT} seconds."
                    raise TrundleError(text) from None
                time.sleep(0.1)
        try:
            yield stream.fileno()
        finally:
            # Also for what the command may have left behind in a session of its own.
            fcntl.flock(stream, fcntl.LOCK_UN)
