# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put right what a verification has found, by writing over the same key: no object is missing for a moment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.package import (
    Package,
    asset_headers,
    check_digest,
    check_metadata,
    file_digest,
)
from ansible_collections.trundle.django.plugins.module_utils.published import RECORD_HEADERS, manifest_key
from ansible_collections.trundle.django.plugins.module_utils.record import Record
from ansible_collections.trundle.django.plugins.module_utils.store import Store
from ansible_collections.trundle.django.plugins.module_utils.upload_plan import header_problems
from ansible_collections.trundle.django.plugins.module_utils.verify import Problem, Report

# Files of any size pass through the disk, so a few at a time.
AT_ONCE = 8


@dataclass(frozen=True)
class Repaired:
    """keys: what was put right; problems: what is left."""

    keys: tuple[str, ...]
    problems: tuple[Problem, ...]


def repair(
    store: Store,
    record: Record,
    report: Report,
    package: Package | None,
    *,
    metadata: Mapping[str, str] | None = None,
    check_mode: bool = False,
) -> Repaired:
    """Take each file from the package, where there is one, or else from the store, where only its headers are wrong.

    metadata: the user's own, which writing over an object would take away.
    """
    wrong = list(dict.fromkeys(problem.key for problem in report.problems))
    keys = [key for key in wrong if _can(record, report, key, package)]
    left = [problem for problem in report.problems if problem.key not in keys]
    if check_mode:
        return Repaired(tuple(keys), tuple(left))

    def one(key: str) -> str | None:
        try:
            _put(store, record, key, package, check_metadata(metadata or {}))
            return _still_wrong(store, record, key)
        except TrundleError as exc:
            return exc.message

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(keys, pool.map(one, keys)))
    left += [Problem(key, f"could not be repaired: {text}") for key, text in answers.items() if text]
    return Repaired(tuple(key for key, text in answers.items() if not text), tuple(left))


def _can(record: Record, report: Report, key: str, package: Package | None) -> bool:
    if key == manifest_key(record):
        return package is not None
    return key in record.files and (package is not None or key in report.wrong_headers)


def _put(store: Store, record: Record, key: str, package: Package | None, metadata: Mapping[str, str]) -> None:
    """The bytes are those of the record, or nothing is written."""
    if package is not None and key == manifest_key(record):
        store.put(key, package.manifest, RECORD_HEADERS)
    elif package is not None:
        path = package.path(key)
        check_digest(path, file_digest(path, "sha256"), record.files[key])
        store.put(key, path, {**metadata, **asset_headers(record.files[key])})
    else:
        with tempfile.TemporaryDirectory(prefix="trundle-repair-") as folder:
            path = Path(folder) / "object"
            store.download(key, path)
            if file_digest(path, "sha256") != record.files[key].sha256:
                raise TrundleError("its content is not that of the record either; give src to upload it again")
            store.put(key, path, {**metadata, **asset_headers(record.files[key])})


def _still_wrong(store: Store, record: Record, key: str) -> str | None:
    if key not in record.files:
        return None
    answer = store.head(key)
    problems: Iterable[str] = header_problems(record.files[key], answer) if store.keeps_headers or not answer else []
    if answer and answer.size != record.files[key].size:
        problems = [*problems, f"{answer.size} bytes where the record says {record.files[key].size}"]
    return "; ".join(problems) or None
