# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs found out about a project's files, and about contents in any project.

Part of the program in the project's Python: standard library only, Python 3.8 and newer.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache
from ansible_collections.trundle.django.plugins.module_utils.collect_sources import Source


class Row(NamedTuple):
    """A source as the last run found it; its stamp has not changed since."""

    hashed: str | None
    rewritten: dict[str, Any] | None


class Memory:
    """One run's view of the cache; without a cache it knows nothing."""

    def __init__(self, cache: Cache | None, *, rule: str, project: str) -> None:
        self.cache = cache
        self.rule = rule
        self.key = hashlib.sha256(f"{project}\0{rule}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        tree = cache.load_tree(self.key) if cache is not None else {}
        self.rows: dict[str, Any] = tree.get("files", {})
        self.variants: dict[str, Any] = tree.get("variants", {})
        self.new_rows: dict[str, Any] = {}
        self.new_variants: dict[str, Any] = {}
        self.same = 0

    def row(self, source: Source) -> Row | None:
        """What is known of a source that did not change; sets its digests."""
        row = self.rows.get(source.name)
        if row is None or row[0] != source.full or source.full is None:
            return None
        stamp = source.look()
        if list(stamp) != row[1]:
            return None
        source.known(stamp, row[2], row[3])
        return Row(row[4], row[5])

    def save(self, source: Source, hashed: str | None, rewritten: dict[str, Any] | None = None) -> None:
        if self.cache is None or not source.settled:
            return
        new = [source.full, list(source.stamp), source.md5, source.sha256, hashed, rewritten]
        before = self.rows.get(source.name)
        if before == new:
            self.same += 1
            # Not the same twice: with many files that is most of the memory.
            new = before
        self.new_rows[source.name] = new

    # Contents

    def fact_key(self, source: Source) -> str:
        text = f"{self.rule}\0{source.name}\0{source.path}\0{source.sha256}"
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]

    def fact(self, source: Source) -> dict[str, Any] | None:
        """What became of the same content under the same name, in any project."""
        found: dict[str, Any] | None = self.cache.fact(self.fact_key(source)) if self.cache is not None else None
        return found

    def learn(self, source: Source, rewritten: dict[str, Any]) -> None:
        if self.cache is not None:
            self.cache.note(self.fact_key(source), rewritten)

    def known_variants(self, rule: str, sha256: str) -> dict[str, Any] | None:
        """Suffix -> digest and size of what the content's variants are."""
        if self.cache is None:
            return None
        found: dict[str, Any] | None = self.variants.get(f"{rule}{sha256}")
        if found is None:
            found = self.cache.fact(f"{rule}{sha256}")
        if found is not None:
            self.new_variants[f"{rule}{sha256}"] = found
        return found

    def learn_variants(self, rule: str, sha256: str, known: dict[str, Any]) -> None:
        if self.cache is not None:
            self.new_variants[f"{rule}{sha256}"] = known
            self.cache.note(f"{rule}{sha256}", known)

    def finish(self) -> None:
        """Remember this run, where it differs from the last one."""
        if self.cache is None:
            return
        if self.same == len(self.new_rows) == len(self.rows) and self.new_variants == self.variants:
            self.cache.touch_tree(self.key)
        else:
            self.cache.save_tree(self.key, {"files": self.new_rows, "variants": self.new_variants})
        self.cache.flush()
