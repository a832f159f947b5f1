# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site of one release, whose name is in TRUNDLE_RELEASE and says what is wrong with it.

/slow takes three seconds, and then imports a module of its release for the first time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

RELEASE = os.environ["TRUNDLE_RELEASE"]

if RELEASE == "import-error":
    raise ModuleNotFoundError("No module named 'shop.missing'")
if RELEASE == "slow":
    time.sleep(30)
if RELEASE == "patient":
    time.sleep(3)
# Once: it is started often.
if RELEASE == "v2" and not (booted := Path(__file__).with_name("booted")).exists():
    time.sleep(2.5)
    booted.touch()


def told(worker: int) -> str:
    """One of its workers may serve something else."""
    if RELEASE == "two-ids":
        first = Path(__file__).with_name("first")
        if not first.exists():
            first.write_text(str(worker))
        return RELEASE if first.read_text() == str(worker) else "v1"
    return "v1" if RELEASE == "wrong-id" else RELEASE


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    health = environ["PATH_INFO"] == "/ready"
    sick = "unhealthy-in-front" if "HTTP_X_FRONT" in environ else "unhealthy"
    body = RELEASE
    if environ["PATH_INFO"] == "/slow":
        time.sleep(3)
        import late

        body = late.RELEASE
    if health and RELEASE == "two-ids":
        # Each of both workers gets some of many connections.
        time.sleep(0.2)
    start_response(
        "503 Sick" if health and sick == RELEASE else "200 OK",
        [("X-Release", told(os.getpid())), ("Content-Type", "text/plain")],
    )
    return [body.encode()]
