# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the module collectstatic as Ansible does, and tell the time and memory of the worker that it starts.

``ours.py RESULT ARGUMENTS``: two files of JSON, the first one is written.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.benchmarks.measure import Sampler
from ansible_collections.trundle.django.plugins.module_utils.collect_process import run_worker
from ansible_collections.trundle.django.plugins.modules import collectstatic


def main() -> None:
    result = Path(sys.argv.pop(1))

    def measured(*arguments: Any, **options: Any) -> dict[str, Any]:
        started = time.monotonic()
        with Sampler(os.getpid()) as sampler:
            answer = run_worker(*arguments, **options)
        used = {"seconds": time.monotonic() - started, "megabytes": sampler.peak / 1e6, "storage": answer["storage"]}
        result.write_text(json.dumps(used), encoding="utf-8")
        return answer

    setattr(collectstatic, "run_worker", measured)  # noqa: B010 (mypy: not exported)
    collectstatic.main()


if __name__ == "__main__":
    main()
