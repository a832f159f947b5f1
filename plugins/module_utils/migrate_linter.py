# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps django-migration-linter in a folder of its own, for projects that do not have it.

Nothing of a release's virtualenv changes: the program in the project's Python looks into this folder last.
The package and what it needs are pure Python, so one folder does for every Python.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# Django is the project's own.
PACKAGES = (
    (
        "django-migration-linter==6.0.0",
        "8fbac51a77fbe86d814e2b996b80aa831d21499982085cda1cacc84b7b4971a5",
    ),
    ("appdirs==1.4.4", "a841dacd6b99318a741b166adb07e19ee71a274450e68237b4650ca1055ab128"),
)
MARKER = ".complete"


def linter_folder(parent: Path) -> Path:
    """Named after the version, so that a newer collection does not take an old one."""
    return parent / PACKAGES[0][0].replace("==", "-")


def install_linter(python: str, parent: Path) -> Path:
    """Install it with the pip of a virtualenv that is thrown away. Does nothing where it is there."""
    folder = linter_folder(parent)
    if (folder / MARKER).exists():
        return folder
    try:
        # The account that runs the migrations reads it, whatever the umask.
        for missing in [path for path in (*reversed(parent.parents), parent) if not path.exists()]:
            missing.mkdir()
            missing.chmod(0o755)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=parent) as scratch:
            made = _make(python, Path(scratch))
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
    except OSError as exc:
        raise TrundleError(f"Failed to install django-migration-linter in {parent}: {exc.strerror or exc}") from exc
    return folder


def _make(python: str, scratch: Path) -> Path:
    made, venv, wanted = scratch / "packages", scratch / "venv", scratch / "requirements.txt"
    wanted.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in PACKAGES), encoding="utf-8")
    _run([python, "-m", "venv", str(venv)])
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    _run([*pip, "--no-deps", "--require-hashes", f"--requirement={wanted}", f"--target={made}"])
    (made / MARKER).touch()
    return made


def _run(arguments: Sequence[str]) -> None:
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        arguments,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        umask=0o022,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        errors = [line.strip() for line in said if line.lower().startswith("error")] or said[-1:]
        raise TrundleError(
            f"Failed to install django-migration-linter: {' '.join(errors) or f'exit status {done.returncode}'}. Add "
            "it to the requirements of the project instead, or choose the policy 'force' after a look at the plan."
        )
