# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container engine is here, and which flags this kernel wants: found out by trial, nothing assumed."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024


class LabError(Exception):
    """A sentence for the user."""


@dataclass(frozen=True)
class Engine:
    """argv: the program (with sudo where needed); flags: before the verb; limits: for run and build."""

    kind: str
    argv: tuple[str, ...]
    flags: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def command(self, *words: str) -> list[str]:
        return [*self.argv, *self.flags, *words]

    def call(
        self, *words: str, check: bool = True, stdin: Any = subprocess.DEVNULL, timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        return call(self.command(*words), check=check, stdin=stdin, timeout=timeout)


def call(
    command: Sequence[str], *, check: bool = True, stdin: Any = subprocess.DEVNULL, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end with its output caught; a LabError holds the end of it."""
    try:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False, timeout=timeout)
    except subprocess.TimeoutExpired as exc:
        raise LabError(f"Failed to run {' '.join(command)}: no end after {timeout:.0f} s") from exc
    except OSError as exc:
        raise LabError(f"Failed to run {command[0]}: {exc}") from exc
    if check and done.returncode != 0:
        # Some builders say everything on stdout.
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise LabError(f"Failed to run {' '.join(command)}: {said}")
    return done


def engine_candidates(*, programs: Sequence[str], root: bool) -> list[Engine]:
    """Every way to call an engine, best first. Rootless podman is none: its hosts have no address to call."""
    found = []
    if "podman" in programs:
        found.append(Engine("podman", ("podman",) if root else ("sudo", "-n", "podman")))
    if "docker" in programs:
        found.append(Engine("docker", ("docker",)))
        if not root:
            found.append(Engine("docker", ("sudo", "-n", "docker")))
    return found


def detect_engine() -> Engine:
    programs = [name for name in ("podman", "docker") if shutil.which(name)]
    causes = []
    for engine in engine_candidates(programs=programs, root=os.geteuid() == 0):
        answer = engine.call("info", "--format", "{{json .}}", check=False, timeout=60)
        if answer.returncode == 0 and not server_errors(answer.stdout):
            return engine
        causes.append(f"{' '.join(engine.argv)}: {answer.stderr.strip()[-300:]}")
    detail = "; ".join(causes) or "neither podman nor docker is installed (run molecule/shared/setup.sh)"
    raise LabError(f"Failed to find a container engine: {detail}")


def server_errors(text: str) -> list[str]:
    """Docker's client answers `info` with status 0 while no server is there, and says so inside."""
    try:
        info = json.loads(text)
    except ValueError:
        return []
    return list(info.get("ServerErrors") or [])


def limit_candidates(*, nofile: int, nproc: int) -> list[tuple[str, ...]]:
    """Flags for ulimits: the engine's own first, then ever smaller ones (a machine may forbid raising them)."""
    sizes = [(nofile, nproc), (min(nofile, 16384), min(nproc, 16384)), (min(nofile, 4096), min(nproc, 4096))]
    flags = [("--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={procs}:{procs}") for files, procs in sizes]
    return list(dict.fromkeys([(), *flags]))


def flag_candidates(*, kind: str, runtimes: Sequence[str]) -> list[tuple[str, ...]]:
    """Flags before the verb: podman can be told another runtime than its default one."""
    if kind != "podman":
        return [()]
    return [(), *(("--runtime", runtime) for runtime in runtimes)]


def hard_limit(which: int) -> int:
    limit = resource.getrlimit(which)[1]
    return 1048576 if limit == resource.RLIM_INFINITY else limit


def tune_engine(engine: Engine, image: str) -> Engine:
    """The engine with the first flags under which a container of `image` runs on this kernel."""
    runtimes = [name for name in ("crun", "runc") if shutil.which(name)]
    limits = limit_candidates(nofile=hard_limit(resource.RLIMIT_NOFILE), nproc=hard_limit(resource.RLIMIT_NPROC))
    causes: list[str] = []
    for flags, limit in itertools.product(flag_candidates(kind=engine.kind, runtimes=runtimes), limits):
        tuned = Engine(engine.kind, engine.argv, flags, limit)
        trial = tuned.call("run", "--rm", "--network=none", *limit, image, "true", check=False, timeout=60)
        if trial.returncode == 0:
            return tuned
        causes.append(f"{' '.join([*flags, *limit]) or 'no flags'}: {trial.stderr.strip()[-300:]}")
    raise LabError("Failed to run a container in any way: " + "; ".join(causes))


def make_room(*, limit: Path = INOTIFY) -> None:
    """Let many hosts watch files: each systemd holds some five of what all hosts together have 128 by default."""
    if int(limit.read_text(encoding="ascii")) >= INOTIFY_INSTANCES:
        return
    as_root = () if os.geteuid() == 0 else ("sudo", "-n")
    words = (*as_root, "sh", "-c", f"echo {INOTIFY_INSTANCES} > {limit}")
    try:
        call(words)
    except LabError as exc:
        # A few hosts come up without; of many the last ones end at once.
        raise LabError(
            f"{exc}. Run `sysctl fs.inotify.max_user_instances={INOTIFY_INSTANCES}` as root, and then this again"
        ) from exc


def init_candidates(*, kind: str, cgroup_v2: bool) -> list[tuple[str, ...]]:
    """Flags under which systemd may boot as the first process, least privilege first."""
    if kind == "podman":
        # Units that are sandboxed (BindPaths, DynamicUser: HAProxy's is) make mounts of their own.
        return [("--systemd=always", "--cap-add=SYS_ADMIN"), ("--systemd=always", "--privileged")]
    memory = ("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp")  # noqa: S108 (a container's)
    private = ("--privileged", "--cgroupns=private", *memory)
    host = ("--privileged", "--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", *memory)
    return [private, host] if cgroup_v2 else [host, private]
