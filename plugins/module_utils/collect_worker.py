# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects static files inside the project's own Python, with the project's own Django.

Its text and that of the modules it imports are handed to ``python -``, so they stand alone: the standard
library and Django only, Python 3.8 and newer. The answer leaves on a descriptor of its own, one
JSON object a line, so that whatever the project's settings print disturbs nothing.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from ansible_collections.trundle.django.plugins.module_utils.collect_own import (
    clean,
    copy_files,
    describe_files,
    post_process,
    remove_originals,
    take_manifest,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_project import (
    check_project,
    find_files,
    load_project,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel, Phases
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import (
    RefusedError,
    last_line,
    make_storage,
)


def main(request: dict[str, Any], descriptor: int) -> NoReturn:
    channel = Channel(descriptor)
    status = 0
    try:
        answer = {"result": collect(request, channel)}
    except RefusedError as exc:
        answer = {"error": {"message": exc.message, **exc.details}}
    except BaseException as exc:  # settings may even call sys.exit()
        answer = {"error": {"message": "Failed to collect static files: " + last_line(exc, request["project_path"])}}
    try:
        channel.send(answer)
    except OSError:
        status = 1
    # Threads that the project started would keep the process alive.
    os._exit(status)


def collect(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    phases = Phases()
    settings = load_project(request)
    warnings = check_project(settings, request["static_url"])
    phases.end("start")
    storage, description = make_storage(settings, request)
    found, duplicates = find_files(request["ignore"])
    phases.end("find")
    copy_files(storage, found, channel)
    phases.end("copy")
    problems = post_process(storage, found, channel)
    missing = [{"file": file, "line": line, "reference": url} for file, line, url in sorted(storage.trundle_missing)]
    if problems:
        raise RefusedError(
            "Failed to post-process static files: " + "; ".join(problems), problems=problems, missing_references=missing
        )
    paths = take_manifest(storage, request)
    phases.end("hash")
    originals = {clean(storage, name) for name in found} | set(paths)
    remove_originals(storage, originals, paths)
    files = describe_files(storage, originals, paths)
    phases.end("digest")
    return {
        "django": sys.modules["django"].get_version(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "settings": os.environ["DJANGO_SETTINGS_MODULE"],
        "static_url": settings.STATIC_URL,
        "storage": description,
        "collected": len(found),
        "duplicates": duplicates,
        "missing_references": missing,
        "files": files,
        "warnings": warnings,
        "seconds": phases.seconds,
    }
