# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a release is in the store: every key, its size and, on demand, its headers."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps
from ansible_collections.trundle.django.plugins.module_utils.published import manifest_key, read_record, record_key
from ansible_collections.trundle.django.plugins.module_utils.record import Record, differences
from ansible_collections.trundle.django.plugins.module_utils.store import Headers, Listing, Store
from ansible_collections.trundle.django.plugins.module_utils.upload_plan import header_problems

HeaderChecks = Literal["sample", "all", "none"]


@dataclass(frozen=True)
class Problem:
    key: str
    problem: str


@dataclass(frozen=True)
class Report:
    """checked: keys looked for; headers_checked: keys whose headers were asked for; wrong_headers: which are wrong."""

    checked: int
    headers_checked: int
    problems: tuple[Problem, ...]
    wrong_headers: frozenset[str] = frozenset()


def verify(
    store: Store,
    record: Record,
    *,
    headers: HeaderChecks,
    sample_size: int,
    concurrency: int,
    progress: Progress | None = None,
) -> Report:
    """Look for every file of the record, with one listing and at most one request per header check."""
    progress = progress or Progress()
    progress.tell("list")
    listing = store.find([*record.files, manifest_key(record)])
    problems = [*_record_problems(store, record), *_file_problems(record, listing)]
    broken = {problem.key for problem in problems}
    chosen = choose(record, headers, sample_size) if store.keeps_headers else []
    keys = [key for key in chosen if key not in broken]
    steps = Steps(progress, "headers", len(keys))

    def ask(key: str) -> Headers | None:
        answer = store.head(key)
        steps.done()
        return answer

    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(keys)))) as pool:
        answers = list(pool.map(ask, keys))
    found = {key: header_problems(record.files[key], answer) for key, answer in zip(keys, answers)}
    problems += [Problem(key, text) for key, texts in found.items() for text in texts]
    wrong_headers = frozenset(key for key, answer in zip(keys, answers) if answer and found[key])
    return Report(len(record.files), len(keys), tuple(problems), wrong_headers)


def choose(record: Record, headers: HeaderChecks, sample_size: int) -> list[str]:
    """The keys whose headers are checked.

    A sample takes from each class of headers in turn, so that a rare type is not missed; within
    a class the hash of the name decides: the same sample each time, spread over all folders.
    """
    if headers == "none":
        return []
    if headers == "all":
        return sorted(record.files)
    classes: dict[tuple[str, str, str], list[str]] = {}
    for key in sorted(record.files, key=lambda name: hashlib.sha256(name.encode()).digest()):
        entry = record.files[key]
        classes.setdefault((entry.content_type, entry.cache_control, entry.content_encoding or ""), []).append(key)
    rounds = max((len(keys) for keys in classes.values()), default=0)
    in_turn = [keys[turn] for turn in range(rounds) for _class, keys in sorted(classes.items()) if turn < len(keys)]
    return in_turn[:sample_size]


def _file_problems(record: Record, listing: Listing) -> list[Problem]:
    problems = []
    for key in sorted(record.files):
        stored, expected = listing.objects.get(key), record.files[key].size
        if stored is None:
            problems.append(Problem(key, "missing"))
        elif stored.size != expected:
            problems.append(Problem(key, f"{stored.size} bytes where the record says {expected}"))
    return problems


def _record_problems(store: Store, record: Record) -> list[Problem]:
    """Whether the release is published, with this content, and its manifest is the one of the record."""
    problems = []
    published = read_record(store, record.release)
    if published is None:
        problems.append(Problem(record_key(record.release), "missing: the release is not published"))
    elif found := differences(published, record, limit=1):
        problems.append(Problem(record_key(record.release), f"another content is published: {found[0]}"))
    manifest = store.get(manifest_key(record))
    if manifest is None:
        problems.append(Problem(manifest_key(record), "missing"))
    elif hashlib.sha256(manifest).hexdigest() != record.manifest.sha256:
        problems.append(Problem(manifest_key(record), "its SHA-256 is not the one in the record"))
    return problems
