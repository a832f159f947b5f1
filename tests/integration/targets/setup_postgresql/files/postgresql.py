# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of the tests' own: postgresql.py start|stop <folder>, reached by the socket in <folder>/run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

# The server refuses to run as root.
ACCOUNT = "postgres"
SETTINGS = {"listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "max_connections": "30"}


def program(name: str) -> str:
    """Debian keeps the server's programs off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    path = str(found[0]) if found else shutil.which(name)
    if path is None:
        sys.exit(f"{name} was not found: install Debian's package postgresql")
    return path


def run(*arguments: str) -> None:
    account = {"user": ACCOUNT, "group": pwd.getpwnam(ACCOUNT).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        arguments,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **account,
    )
    if done.returncode:
        sys.exit(f"{arguments[0]} failed: {done.stdout.decode()}")


def start(folder: Path) -> None:
    data, sockets = folder / "data", folder / "run"
    for path in (folder, data, sockets):
        path.mkdir(exist_ok=True)
        path.chmod(0o700 if path == data else 0o755)
        if os.geteuid() == 0:
            shutil.chown(path, ACCOUNT, pwd.getpwnam(ACCOUNT).pw_gid)
    if not (data / "PG_VERSION").exists():
        run(program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8")
    options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
    run(program("pg_ctl"), "-D", str(data), "-l", f"{folder}/log", "-w", "-o", f"-k {sockets} {options}", "start")


def stop(folder: Path) -> None:
    if (folder / "data" / "postmaster.pid").exists():
        run(program("pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]](Path(sys.argv[2]).absolute())
