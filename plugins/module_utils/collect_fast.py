# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects in one pass: each source is read once and each finished file written once.

Names and references are the storage class's own doing; only Django's passes, which go over all
files up to seven times, are replaced by an order in which one is enough. Part of the program in the
project's Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.collect_graph import (
    CycleError,
    dependency_order,
    settles,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_inspect import NAMING, own_methods
from ansible_collections.trundle.django.plugins.module_utils.collect_memory import Memory
from ansible_collections.trundle.django.plugins.module_utils.collect_output import Outputs, check_output_name
from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel
from ansible_collections.trundle.django.plugins.module_utils.collect_scan import Rewriter
from ansible_collections.trundle.django.plugins.module_utils.collect_sources import Source, new_md5
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import OwnWayError
from ansible_collections.trundle.django.plugins.module_utils.collect_view import Digested, View


class OnePass:
    """One collection."""

    def __init__(
        self, storage: Any, sources: dict[str, Source], outputs: Outputs, memory: Memory, channel: Channel
    ) -> None:
        own = own_methods(storage, NAMING)
        self.storage = storage
        self.sources = sources
        self.outputs = outputs
        self.memory = memory
        self.channel = channel
        self.plain = not any(method.endswith((".file_hash", ".hashed_name")) for method in own)
        # Only what Django's own code answers may be remembered.
        self.pure = not own
        self.view = View(sources, plain=self.plain, prefix=storage.trundle_prefix)
        converter = ("url_converter", "get_ignored_blocks", "is_in_ignored_block")
        self.rewriter = Rewriter(storage, stock_converter=not own_methods(storage, converter))
        self.missing: dict[tuple[str, int, str], None] = {}
        self.problems: list[str] = []
        self.waiting: dict[str, list[str]] = {}
        self.remembered: dict[str, dict[str, Any]] = {}
        # Files that rewriting leaves as they are.
        self.unchanged: set[str] = set()
        self.kept: list[str] = []
        # The bytes that text() has read last.
        self.data = b""
        self.done = 0
        self.rewritten_count = 0

    def run(self) -> dict[str, str]:
        """Write all files and return Django's `hashed_files`."""
        # Django goes by depth, and its manifest keeps that order.
        order = sorted(self.sources, key=lambda name: len(name.split(os.sep)), reverse=True)
        if any("\\" in name for name in order):
            raise OwnWayError("the name of a file has a backslash")
        self.storage.trundle_view = self.view
        try:
            adjustable = []
            keys = {name: self.key(name) for name in order}
            if len(set(keys.values())) < len(keys):
                raise OwnWayError("its class has one key for several files")
            for name in order:
                if self.storage.trundle_keeps(name):
                    self.kept.append(name)
                    self.outputs.copy(name, self.sources[name])
                    self.settle(name, name)
                elif self.rewriter.applies_to(name):
                    adjustable.append(name)
                else:
                    self.plain_file(self.sources[name])
            self.adjust(adjustable, {keys[name]: name for name in adjustable})
        finally:
            self.storage.trundle_view = None
        return {keys[name]: self.view.final[keys[name]] for name in order if keys[name] in self.view.final}

    def copy_originals(self) -> None:
        """Put the sources beside the hashed files, under their own names."""
        for name, source in self.sources.items():
            if name not in self.outputs.files:
                self.outputs.copy(name, source)

    def key(self, name: str) -> str:
        if self.pure:
            return name
        key: str = self.storage.hash_key(self.storage.clean_name(name))
        return key

    def settle(self, name: str, hashed: str) -> None:
        self.view.settle(self.key(name), hashed)
        self.done += 1
        self.channel.progress("hash", self.done, len(self.sources))

    def hashed_name(self, name: str, content: Any) -> str:
        hashed: str = self.storage.clean_name(self.storage.hashed_name(name, content))
        return check_output_name(hashed)

    # Files without references

    def plain_file(self, source: Source) -> None:
        row = self.memory.row(source)
        hashed = row.hashed if row is not None and self.pure else None
        if source.sha256:
            hashed = hashed or self.name_of_source(source)
            self.outputs.copy(hashed, source)
        else:
            taken = self.outputs.take(source)
            hashed = self.name_of_source(source)
            self.outputs.finish(hashed, source, taken)
        self.memory.save(source, hashed if self.pure else None)
        self.settle(source.name, hashed)

    def name_of_source(self, source: Source) -> str:
        if self.plain:
            return self.hashed_name(source.name, Digested(source.md5))
        with source.storage.open(source.path) as content:
            return self.hashed_name(source.name, content)

    # Files with references

    def adjust(self, adjustable: list[str], by_key: dict[str, str]) -> None:
        self.view.waiting = set(by_key)
        for name in adjustable:
            self.first_look(self.sources[name], by_key)
        if self.problems or not self.waiting:
            return
        try:
            order = dependency_order(
                {
                    name: [target for target in targets if target in self.waiting]
                    for name, targets in self.waiting.items()
                }
            )
        except CycleError as exc:
            raise OwnWayError(f"files refer to each other in a circle: {exc}") from None
        passes = self.storage.max_post_process_passes
        if not settles(adjustable, self.waiting, self.unchanged, passes):
            raise OwnWayError(f"references are nested too deeply for {passes} of Django's passes")
        for name in order:
            self.last_look(self.sources[name])

    def first_look(self, source: Source, by_key: dict[str, str]) -> None:
        """Finish a file whose references all have their names; else note what it waits for."""
        row = self.memory.row(source) if self.pure else None
        remembered = row.rewritten if row is not None else None
        text = None
        if remembered is None:
            text = self.text(source)
            if text is None:
                return
            remembered = self.memory.fact(source) if self.pure else None
        if remembered is not None and not self.view.is_stale(remembered["trace"]):
            self.remembered[source.name] = remembered
            needed = [by_key[key] for key in self.view.waits_for(remembered["trace"])]
            if not needed and self.reuse(source, remembered):
                return
            if needed:
                self.waiting[source.name] = needed
                return
        text = self.text(source) if text is None else text
        if text is None:
            return
        content = self.rewritten(source, text)
        if self.view.needed:
            self.waiting[source.name] = [by_key[key] for key in self.view.needed]
        else:
            self.finish(source, text, content)

    def last_look(self, source: Source) -> None:
        """Finish a file that had to wait."""
        remembered = self.remembered.get(source.name)
        if remembered is not None and self.reuse(source, remembered):
            return
        text = self.text(source)
        if text is None:
            return
        content = self.rewritten(source, text)
        if self.view.needed:
            raise OwnWayError(f"the references of {source.name} depend on each other's names")
        self.finish(source, text, content)

    def text(self, source: Source) -> str | None:
        self.data = source.read()
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError as exc:
            self.problems.append(f"{source.name}: {exc}")
            return None

    def rewritten(self, source: Source, text: str) -> str:
        self.view.begin()
        self.storage.trundle_missing = {}
        return self.rewriter.rewrite(source.name, source.path, text, self.view)

    def reuse(self, source: Source, remembered: dict[str, Any]) -> bool:
        """Whether the file would come out as it did before, and is there."""
        if not self.view.same_answers(remembered["trace"]):
            return False
        hashed, sha256, size = remembered["out"]
        if sha256 == source.sha256:
            self.outputs.copy(hashed, source)
        elif not self.outputs.link(hashed, sha256, size):
            return False
        self.memory.save(source, hashed, remembered)
        self.note(source, hashed, {tuple(item): None for item in remembered["missing"]}, sha256)
        return True

    def finish(self, source: Source, text: str, content: str) -> None:
        missing = self.storage.trundle_missing
        if content == text:
            data, md5, sha256 = self.data, source.md5, source.sha256
        else:
            data, digest = content.encode("utf-8"), new_md5()
            digest.update(data)
            md5, sha256 = digest.hexdigest(), hashlib.sha256(data).hexdigest()
        trace = self.view.trace()
        if self.plain:
            hashed = self.hashed_name(source.name, Digested(md5))
        else:
            from django.core.files.base import ContentFile

            hashed = self.hashed_name(source.name, ContentFile(data))
        self.outputs.write(hashed, data, sha256)
        if self.pure:
            remembered = {
                "trace": trace,
                "out": [hashed, sha256, len(data)],
                "missing": [list(item) for item in missing],
            }
            if trace:
                self.memory.learn(source, remembered)
            self.memory.save(source, hashed, remembered)
        else:
            self.memory.save(source, None)
        self.note(source, hashed, missing, sha256)

    def note(self, source: Source, hashed: str, missing: dict[Any, None], sha256: str) -> None:
        if sha256 == source.sha256:
            self.unchanged.add(source.name)
        else:
            self.rewritten_count += 1
        self.missing.update(missing)
        self.view.waiting.discard(self.key(source.name))
        self.settle(source.name, hashed)
