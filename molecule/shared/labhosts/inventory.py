# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a lab as an Ansible inventory."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DOMAIN = "shop.test"
GROUPS = ("trundle_web", "database", "balancer", "origin")


@dataclass(frozen=True)
class Spec:
    """What was asked for. Host names: web1 ... webN, db, lb, store."""

    name: str
    web: int = 3
    database: bool = False
    balancer: bool = False
    origin: bool = False

    def hosts(self) -> dict[str, str]:
        """Host name -> group."""
        named = {f"web{number}": "trundle_web" for number in range(1, self.web + 1)}
        extra = {"db": ("database", self.database), "lb": ("balancer", self.balancer), "store": ("origin", self.origin)}
        named.update({host: group for host, (group, wanted) in extra.items() if wanted})
        return named

    def crowded(self) -> bool:
        """More hosts than a machine takes as it comes, other labs beside this one included."""
        return len(self.hosts()) > 10


@dataclass(frozen=True)
class Secrets:
    """New for each lab."""

    run: str
    database_password: str
    access_key: str
    secret_key: str

    @classmethod
    def new(cls) -> Secrets:
        letters = string.ascii_uppercase + string.digits
        return cls(
            run=secrets.token_hex(4),
            database_password=secrets.token_hex(12),
            # The prefix tells a server that this is the key of a user, not of an assumed role.
            access_key="AKIA" + "".join(secrets.choice(letters) for _letter in range(16)),
            secret_key=secrets.token_hex(20),
        )


def lab_vars(*, spec: Spec, addresses: Mapping[str, str], secret: Secrets, folder: str) -> dict[str, Any]:
    """The lab_* variables that every host has."""
    found: dict[str, Any] = {"lab_name": spec.name, "lab_dir": folder, "lab_domain": DOMAIN}
    found["lab_shared"] = f"{folder}/shared"
    if "lb" in addresses:
        found["lab_url"] = f"http://{addresses['lb']}/"
        found["lab_stats_url"] = f"http://{addresses['lb']}:8404/stats"
    if "db" in addresses:
        found |= {"lab_db_host": addresses["db"], "lab_db_port": 5432, "lab_db_name": "shop", "lab_db_user": "shop"}
        found["lab_db_password"] = secret.database_password
        found["lab_db_url"] = f"postgresql://shop:{secret.database_password}@{addresses['db']}:5432/shop"
    if "store" in addresses:
        found |= {"lab_bucket": "shop-static", "lab_store": "s3://shop-static/static", "lab_region": "us-east-1"}
        found |= {"lab_access_key": secret.access_key, "lab_secret_key": secret.secret_key}
        found["lab_endpoint_url"] = f"http://{addresses['store']}:9000"
        found["lab_cdn_url"] = f"http://{addresses['store']}/static/"
        found["lab_cdn_log"] = "/var/log/nginx/cdn.json"
    return found


def connection_vars(*, folder: str, run: str) -> dict[str, Any]:
    known = "-o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    return {
        "ansible_user": "deploy",
        "ansible_ssh_private_key_file": f"{folder}/id_ed25519",
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder}/known_hosts {known}",
        "ansible_ssh_pipelining": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        # A lab that is made again may get the same addresses: its connections must not meet the old ones.
        "ansible_control_path": f"%(directory)s/{run}-%%h-%%p-%%r",
    }


def build(*, spec: Spec, addresses: Mapping[str, str], secret: Secrets, folder: str) -> dict[str, Any]:
    """The inventory. All groups are there, empty ones too, so that a playbook may name them."""
    groups: dict[str, dict[str, Any]] = {group: {"hosts": {}} for group in GROUPS}
    for host, group in spec.hosts().items():
        groups[group]["hosts"][host] = {"ansible_host": addresses[host]}
    # The connection belongs to the hosts: a variable of `all` would reach the controller too.
    lab_hosts: dict[str, Any] = {"children": {group: {} for group in GROUPS}}
    lab_hosts["vars"] = {**connection_vars(folder=folder, run=secret.run), "ansible_become": True}
    facts = lab_vars(spec=spec, addresses=addresses, secret=secret, folder=folder)
    return {"all": {"vars": facts, "children": {**groups, "lab_hosts": lab_hosts}}}


def dump(value: Any, indent: int = 0) -> Iterable[str]:
    """Lines of YAML for mappings of plain values; JSON's scalars are YAML's."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield f"{' ' * indent}{key}:"
            yield from dump(inner, indent + 2)
        else:
            yield f"{' ' * indent}{key}: {json.dumps(inner)}"


def text(inventory: Mapping[str, Any]) -> str:
    return "---\n" + "\n".join(dump(inventory)) + "\n"
