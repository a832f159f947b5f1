# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program and write what it, the hosts of a lab and the whole machine used meanwhile, as JSON.

python3 molecule/shared/measure.py --lab NAME --out FILE -- ansible-playbook ...

The exit status is the program's own. Needs Linux, and nothing beside the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from labhosts import hosts
from labhosts.engine import Engine, detect_engine

TICK = os.sysconf("SC_CLK_TCK")
EVERY = 0.25
# Telling shared memory from own takes the kernel some time for each process.
MEMORY_EVERY = 4
CGROUPS = Path("/sys/fs/cgroup")


def cgroup_path(text: str) -> str:
    """Where the processor time is counted of a process that has this /proc/PID/cgroup, below the mounted cgroups."""
    rows = [line.split(":", 2) for line in text.splitlines()]
    old = next((path for _number, names, path in rows if "cpuacct" in names.split(",")), None)
    path = next(path for number, _names, path in rows if number == "0") if old is None else f"/cpuacct{old}"
    # systemd has a group of its own within that of its host.
    return path.removesuffix("/init.scope")


def cgroup_folder(process: int) -> Path:
    return CGROUPS / cgroup_path(Path(f"/proc/{process}/cgroup").read_text(encoding="ascii")).lstrip("/")


def cpu_seconds(folder: Path) -> float:
    """What a host has used so far, under cgroup v1 or v2."""
    old = folder / "cpuacct.usage"
    if old.exists():
        return int(old.read_text(encoding="ascii")) / 1e9
    pairs = dict(line.split() for line in (folder / "cpu.stat").read_text(encoding="ascii").splitlines())
    return int(pairs["usage_usec"]) / 1e6


def received_bytes(text: str) -> int:
    """What a host has got from others, by its /proc/PID/net/dev."""
    rows = (line.split(":") for line in text.splitlines() if ":" in line)
    return sum(int(numbers.split()[0]) for name, numbers in rows if name.strip() != "lo")


def received(process: int) -> int:
    return received_bytes(Path(f"/proc/{process}/net/dev").read_text(encoding="ascii"))


def machine_busy() -> float:
    """Seconds that all processors together have worked since the machine started."""
    fields = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _waiting, irq, softirq, stolen = fields
    return (user + nice + system + irq + softirq + stolen) / TICK


def processes() -> dict[int, tuple[int, float]]:
    """Process id -> its parent, and the seconds of processor that it and its ended children have used."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name of the program, in parentheses, may hold anything.
            words = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        found[int(folder.name)] = int(words[1]), sum(map(int, words[11:15])) / TICK
    return found


def tree(root: int, found: dict[int, tuple[int, float]]) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for process, (parent, _seconds) in found.items():
        children.setdefault(parent, []).append(process)
    below, rest = [], [root]
    while rest:
        process = rest.pop()
        below.append(process)
        rest += children.get(process, [])
    return [process for process in below if process in found]


def proportional_kib(process: int) -> int:
    """Its memory, with its part of what it shares; 0 where it has ended or has none."""
    return status_kib(process, "Pss", file="smaps_rollup")


def of_hosts(first: dict[str, int]) -> dict[str, list[int]]:
    """The processes of each host, by the namespace of its first one."""
    spaces = {Path(f"/proc/{process}/ns/pid").readlink(): host for host, process in first.items()}
    found: dict[str, list[int]] = {host: [] for host in first}
    for process in processes():
        try:
            host = spaces.get(Path(f"/proc/{process}/ns/pid").readlink())
        except OSError:
            continue
        if host:
            found[host].append(process)
    return found


def status_kib(process: int, name: str, *, file: str = "status") -> int:
    """A line such as `VmHWM: 1234 kB` of a process; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/{file}").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


class Meter:
    """Samples while the program runs."""

    def __init__(self, program: int, first: dict[str, int]) -> None:
        """*first*: the first process of each host."""
        self.program = program
        self.first = first
        self.folders = {host: cgroup_folder(process) for host, process in first.items()}
        self.samples: list[dict[str, float]] = []
        self.main_kib = self.tree_kib = self.most = 0
        self.began = {host: cpu_seconds(folder) for host, folder in self.folders.items()}
        self.received = {host: received(process) for host, process in first.items()}

    def sample(self) -> None:
        found = processes()
        own = tree(self.program, found)
        self.samples.append(
            {
                "time": time.time(),
                "busy": machine_busy(),
                "controller": sum(found[process][1] for process in own),
                "hosts": sum(self.used().values()),
            }
        )
        self.most = max(self.most, len(own))
        self.main_kib = max(self.main_kib, status_kib(self.program, "VmHWM"))
        if len(self.samples) % MEMORY_EVERY == 1:
            self.tree_kib = max(self.tree_kib, sum(map(proportional_kib, own)))

    def used(self) -> dict[str, float]:
        """Seconds of processor by host, since the program began."""
        return {host: cpu_seconds(folder) - self.began[host] for host, folder in self.folders.items()}

    def result(self) -> dict[str, Any]:
        used = self.used()
        return {
            "controller": {
                "main_peak_mb": round(self.main_kib / 1024, 1),
                "tree_peak_mb": round(self.tree_kib / 1024, 1),
                "largest_process_peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
                "processes": self.most,
            },
            "hosts": {
                host: {
                    "cpu_seconds": round(used[host], 2),
                    "received_kb": round((received(self.first[host]) - self.received[host]) / 1024),
                    "memory_mb": round(sum(map(proportional_kib, own)) / 1024, 1),
                }
                for host, own in of_hosts(self.first).items()
            },
            "cores": os.cpu_count(),
            "samples": self.samples,
        }


def first_processes(engine: Engine, lab: str) -> dict[str, int]:
    """Host name -> its first process, as this machine numbers it."""
    items = json.loads(engine.call("inspect", *hosts.labelled(engine, lab)).stdout)
    return {item["Config"]["Labels"]["trundle-lab-host"]: item["State"]["Pid"] for item in items}


def measure(command: Iterable[str], lab: str) -> tuple[int, dict[str, Any]]:
    first = first_processes(detect_engine(), lab)
    began = time.time()
    program = subprocess.Popen(list(command))
    meter = Meter(program.pid, first)
    while program.poll() is None:
        meter.sample()
        time.sleep(EVERY)
    result = {"began": began, "ended": time.time(), "status": program.returncode, **meter.result()}
    return program.returncode, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lab", required=True, help="name of the lab whose hosts are looked at")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    status, result = measure(options.command, options.lab)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
