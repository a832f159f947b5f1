# SPDX-License-Identifier: BSD-3-Clause
"""Database servers of the tests' own: in a temporary folder, on a socket, gone when the tests end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import server_process

PACKAGES = "the Debian package that has it (molecule/shared/setup.sh installs all that the tests need)"


def _program(name: str) -> str:
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise RuntimeError(f"The tests need {name}: install {PACKAGES}.")
    return found


def _owner(name: str) -> dict[str, Any]:
    """Whom a server runs as: these refuse root. The user that the package brings, else nobody."""
    if os.getuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get(name) or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def _folder(owner: dict[str, Any]) -> Iterator[Path]:
    # Not pytest's own folder: another user has no way into that, and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="trundle-db-", dir="/tmp") as name:
        if owner:
            os.chown(name, owner["user"], owner["group"])
        yield Path(name)


def _run(command: list[str], folder: Path, owner: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **owner)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def postgresql() -> Iterator[dict[str, Any]]:
    """Django's settings for databases of the server, but for the name."""
    owner = _owner("postgres")
    with _folder(owner) as folder:
        data = f"{folder}/data"
        initdb = [_program("initdb"), "-D", data, "-U", "trundle", "--auth=trust", "--encoding=UTF8", "--no-locale"]
        _run([*initdb, "--no-sync"], folder, owner)
        command = [_program("postgres"), "-D", data, "-c", "listen_addresses=", "-c", "fsync=off"]
        command += ["-c", f"unix_socket_directories={folder}"]
        # At once, as below: nobody wants the data any more.
        address = f"{folder}/.s.PGSQL.5432"
        with server_process.running(command, folder / "log", address, end=signal.SIGQUIT, cwd=folder, **owner):
            yield {"ENGINE": "django.db.backends.postgresql", "HOST": str(folder), "USER": "trundle"}


@contextlib.contextmanager
def mariadb() -> Iterator[dict[str, Any]]:
    """Django's settings for databases of the server, but for the name."""
    import pymysql

    # Django asks for the version of mysqlclient, for which PyMySQL stands in.
    pymysql.version_info = (2, 2, 7, "final", 0)
    pymysql.install_as_MySQLdb()
    owner = _owner("mysql")
    with _folder(owner) as folder:
        files = ["--no-defaults", f"--datadir={folder}/data"]
        install = [_program("mariadb-install-db"), *files, "--auth-root-authentication-method=normal"]
        _run([*install, "--skip-test-db"], folder, owner)
        command = [_program("mariadbd"), *files, f"--socket={folder}/sock", f"--pid-file={folder}/pid"]
        command += ["--skip-networking", "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"]
        with server_process.running(command, folder / "log", f"{folder}/sock", end=signal.SIGKILL, cwd=folder, **owner):
            yield {"ENGINE": "django.db.backends.mysql", "HOST": f"{folder}/sock", "USER": "root"}
