# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a collection tells the user: counts, result and diff."""

from __future__ import annotations

from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect import Collected
from ansible_collections.trundle.django.plugins.module_utils.collect_options import STATIC_FOLDER, Options
from ansible_collections.trundle.django.plugins.module_utils.record import MANIFEST_NAME, RECORD_NAME


def counts(collected: Collected) -> dict[str, int]:
    files = collected.worker["files"].values()
    return {
        "collected": collected.worker["collected"],
        "duplicates": len(collected.worker["duplicates"]),
        "hashed": sum(1 for entry in files if entry["hashed"] and not entry["variant"]),
        "unhashed": sum(1 for entry in files if not entry["hashed"] and not entry["variant"]),
        "variants": sum(1 for entry in files if entry["variant"]),
        "files": len(files),
        "rewritten": collected.worker["cache"]["rewritten"],
        "reused": collected.worker["cache"]["reused"],
        "written": collected.worker["cache"]["written"],
    }


def result_of(options: Options, collected: Collected) -> dict[str, Any]:
    worker, record = collected.worker, collected.record
    return {
        "changed": collected.changed,
        "release": record.release,
        "static_path": str(options.dest / STATIC_FOLDER),
        "manifest_path": str(options.dest / MANIFEST_NAME),
        "record_path": str(options.dest / RECORD_NAME),
        "manifest_sha256": record.manifest.sha256,
        "static_url": record.static_url,
        "counts": counts(collected),
        "bytes": sum(entry.size for entry in record.files.values()),
        "duplicates": worker["duplicates"],
        "missing_references": worker["missing_references"],
        "cache": {name: worker["cache"][name] for name in ("damaged", "removed")},
        "storage": worker["storage"],
        "django": worker["django"],
        "python_version": worker["python"],
        "settings": worker["settings"],
        "seconds": {**worker["seconds"], "total": collected.seconds},
    }


def diff_of(options: Options, collected: Collected) -> dict[str, str]:
    header = str(options.dest / STATIC_FOLDER)
    before, after = ("".join(f"{name}\n" for name in names) for names in (collected.before, collected.after))
    diff = {"before_header": header, "after_header": header, "before": before, "after": after}
    if collected.changed:
        counted = counts(collected)
        lines = [f"written: {name}\n" for name in sorted(collected.worker["written"])]
        lines.append(f"{counted['written']} written, {counted['reused']} reused from the build cache, ")
        diff["prepared"] = "".join(lines) + f"{counted['rewritten']} with rewritten references\n"
    return diff
