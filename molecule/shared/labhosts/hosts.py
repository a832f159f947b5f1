# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the hosts of a lab up and down. All that belongs to a lab carries its label, and nothing else is touched."""

from __future__ import annotations

import ipaddress
import json
import shutil
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from .engine import Engine, LabError, call, init_candidates
from .image import say
from .inventory import Spec

LABEL = "trundle-lab"
BOOT_SECONDS = 180.0
# A busy machine takes seconds for the banner: one that hangs up sooner never sees it.
BANNER_SECONDS = 10.0


def network_name(lab: str) -> str:
    return f"trundle-lab-{lab}"


def container_name(lab: str, host: str) -> str:
    return f"trundle-lab-{lab}-{host}"


def run_command(
    engine: Engine,
    *,
    lab: str,
    host: str,
    group: str,
    address: str | None,
    image: str,
    keys: str,
    shared: str,
    init: Sequence[str],
) -> list[str]:
    fixed = ("--ip", address) if address else ()
    network = ("--network", network_name(lab), "--network-alias", host, *fixed)
    names = ("--name", container_name(lab, host), "--hostname", host)
    texts = (f"{LABEL}={lab}", f"trundle-lab-host={host}", f"trundle-lab-group={group}")
    labels = [word for text in texts for word in ("--label", text)]
    # Read by sshd: its own key and whom it lets in. The client's key is elsewhere.
    keys_mount = ("--volume", f"{keys}:/etc/trundle-lab:ro", "--security-opt", "label=disable")
    shared_mount = ("--volume", f"{shared}:{shared}")
    mounts = (*keys_mount, *shared_mount)
    return engine.command("run", "--detach", *names, *labels, *network, *mounts, *engine.limits, *init, image)


def make_keys(folder: Path) -> Path:
    """A client key and a server key for this lab; returns the folder that the hosts mount."""
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    for path, comment in ((folder / "id_ed25519", "lab"), (keys / "host_key", "lab-host")):
        for old in (path, path.with_name(path.name + ".pub")):
            old.unlink(missing_ok=True)
        call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
    (keys / "authorized_keys").write_bytes((folder / "id_ed25519.pub").read_bytes())
    return keys


def make_shared(folder: Path) -> Path:
    """An empty folder that this machine and all hosts of the lab have under one path, as a file server gives it."""
    shared = folder / "shared"
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir()
    shared.chmod(0o755)
    return shared


def known_hosts(*, addresses: Sequence[str], host_key: str) -> str:
    kind, key = host_key.split()[:2]
    return "".join(f"{address} {kind} {key}\n" for address in addresses)


def labelled(engine: Engine, lab: str) -> list[str]:
    """Ids of a lab's containers, ended ones too."""
    return engine.call("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={lab}").stdout.split()


def remove(engine: Engine, lab: str) -> int:
    """Remove what carries the lab's label, living or not. Returns the number of containers that were there."""
    found = labelled(engine, lab)
    if found:
        grace = ("--time", "0") if engine.kind == "podman" else ()
        engine.call("rm", "--force", "--volumes", *grace, *found, timeout=120)
    listed = engine.call("network", "ls", "--quiet", "--filter", f"label={LABEL}={lab}").stdout.split()
    for network in listed:
        engine.call("network", "rm", network)
    return len(found)


def fixed_addresses(engine: Engine, lab: str, hosts: Sequence[str]) -> list[str | None]:
    """One for each host, which it keeps when it is switched off and on: podman would give it the next free one.

    None where the engine gives a host its own address back, and lets nobody choose.
    """
    if engine.kind != "podman":
        return [None] * len(hosts)
    [network] = json.loads(engine.call("network", "inspect", network_name(lab)).stdout)
    usable = ipaddress.ip_network(network["subnets"][0]["subnet"]).hosts()
    # The first one is the gateway.
    return [str(address) for address in islice(usable, 1, len(hosts) + 1)]


def start(engine: Engine, spec: Spec, *, image: str, folder: Path, init: Sequence[str]) -> None:
    """Create the network and all hosts."""
    engine.call("network", "create", "--label", f"{LABEL}={spec.name}", network_name(spec.name))
    keys, shared = str(folder / "keys"), str(folder / "shared")
    places = zip(spec.hosts().items(), fixed_addresses(engine, spec.name, list(spec.hosts())))
    commands = [
        run_command(
            engine,
            lab=spec.name,
            host=host,
            group=group,
            address=address,
            image=image,
            keys=keys,
            shared=shared,
            init=init,
        )
        for (host, group), address in places
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(call, commands))


def addresses(engine: Engine, lab: str, hosts: Sequence[str]) -> dict[str, str]:
    """Host name -> address on the lab's network."""
    answer = engine.call("inspect", *(container_name(lab, host) for host in hosts))
    found = {}
    for host, item in zip(hosts, json.loads(answer.stdout)):
        address = item["NetworkSettings"]["Networks"][network_name(lab)]["IPAddress"]
        if not address:
            raise LabError(f"Failed to start {host}: it ended at once. {logs(engine, lab, host)}")
        found[host] = address
    return found


def logs(engine: Engine, lab: str, host: str) -> str:
    answer = engine.call("logs", "--tail", "20", container_name(lab, host), check=False)
    return (answer.stdout + answer.stderr).strip()[-1500:]


def ssh_answers(address: str, *, deadline: float) -> bool:
    """Whether an SSH server sends its banner before the deadline (of time.monotonic)."""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=BANNER_SECONDS) as connection:
                if connection.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def bring_up(engine: Engine, spec: Spec, *, image: str, folder: Path) -> dict[str, str]:
    """Start all hosts in the first way in which systemd boots here; returns their addresses."""
    causes = []
    for init in init_candidates(kind=engine.kind, cgroup_v2=Path("/sys/fs/cgroup/cgroup.controllers").exists()):
        try:
            start(engine, spec, image=image, folder=folder, init=init)
            found = addresses(engine, spec.name, list(spec.hosts()))
            deadline = time.monotonic() + BOOT_SECONDS
            silent = [host for host, address in found.items() if not ssh_answers(address, deadline=deadline)]
            if not silent:
                return found
            causes.append(f"{silent[0]} does not answer on port 22. {logs(engine, spec.name, silent[0])}")
        except LabError as exc:
            causes.append(str(exc))
        say(f"the hosts do not boot with {' '.join(init)}")
        remove(engine, spec.name)
    raise LabError("Failed to boot the hosts: " + " | ".join(causes))
