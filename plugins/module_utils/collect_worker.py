# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects static files inside the project's own Python, with the project's own Django.

Its text and that of the modules it imports are handed to ``python -``, so they stand alone: the standard
library and Django only, Python 3.8 and newer. The answer leaves on a descriptor of its own, one
JSON object a line, so that whatever the project's settings print disturbs nothing.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any, NoReturn

from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache
from ansible_collections.trundle.django.plugins.module_utils.collect_compress import (
    Compression,
    Compressor,
    compressor_of,
    whitenoise_compressor,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_fast import OnePass
from ansible_collections.trundle.django.plugins.module_utils.collect_inspect import (
    compresses,
    reason_for_own_way,
    rule_of,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_memory import Memory
from ansible_collections.trundle.django.plugins.module_utils.collect_output import Outputs
from ansible_collections.trundle.django.plugins.module_utils.collect_own import (
    VARIANTS,
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
)
from ansible_collections.trundle.django.plugins.module_utils.collect_prune import prune
from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel, Phases
from ansible_collections.trundle.django.plugins.module_utils.collect_sources import sources_of
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import (
    OwnWayError,
    make_storage,
)
from ansible_collections.trundle.django.plugins.module_utils.project_setup import (
    RefusedError,
    last_line,
    load_project,
)


def main(request: dict[str, Any], descriptor: int) -> NoReturn:
    # Nearly all that is made lives to the end: looking for garbage often takes a tenth of the time.
    gc.set_threshold(100000, 20, 20)
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
    settings = load_project(request, ["collectstatic", "--noinput"])
    warnings = check_project(settings, request["static_url"])
    phases.end("start")
    # Finders may have much to do; how many files there are is not known before.
    channel.progress("find", 0, 0)
    storage, description = make_storage(settings, request)
    found, duplicates = find_files(request["ignore"])
    phases.end("find")
    run = Run(settings, request, storage, found, channel, phases)
    files = run.collect()
    if run.reason:
        description["reason"] = "; ".join(filter(None, (description["reason"], run.reason)))
    return {
        "django": sys.modules["django"].get_version(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "settings": os.environ["DJANGO_SETTINGS_MODULE"],
        "static_url": settings.STATIC_URL,
        "storage": {**description, "path": "own" if run.reason else "fast"},
        "collected": len(found),
        "duplicates": duplicates,
        "missing_references": run.missing,
        "files": files,
        "cache": run.cache_report(),
        "written": run.outputs.written,
        "warnings": warnings + run.warnings(),
        "seconds": phases.seconds,
    }


class Run:
    """Collects in one pass where that gives what the class gives, and else as the class does."""

    def __init__(
        self,
        settings: Any,
        request: dict[str, Any],
        storage: Any,
        found: dict[str, tuple[Any, str]],
        channel: Channel,
        phases: Phases,
    ) -> None:
        self.settings, self.request, self.storage, self.found = settings, request, storage, found
        self.channel, self.phases = channel, phases
        mode = storage.file_permissions_mode
        self.mode = 0o666 & ~current_umask() if mode is None else mode
        self.cache = self.open_cache()
        self.outputs = Outputs(
            None if request.get("dry_run") else request["static_dir"],
            self.cache,
            mode=self.mode,
            folder_mode=storage.directory_permissions_mode,
        )
        self.compressor: Compressor | None = None
        # Why the class's own code ran.
        self.reason = reason_for_own_way(storage)
        self.missing: list[dict[str, Any]] = []
        # Files whose references were replaced.
        self.rewritten = 0

    def open_cache(self) -> Cache | None:
        folder = self.request.get("cache")
        if not folder:
            return None
        cache = Cache(folder, bound=self.request["cache_size"], mode=self.mode)
        cache.writable = cache.writable and not self.request.get("dry_run")
        return cache

    def collect(self) -> dict[str, dict[str, Any]]:
        if self.reason is None:
            try:
                self.compressor = self.find_compressor()
                if self.compressor is not None:
                    self.outputs.folder = self.request["static_dir"]
                return self.in_one_pass()
            except OwnWayError as exc:
                self.reason = str(exc)
                self.outputs.clear()
                self.storage.trundle_named = set()
        return self.own_way()

    def in_one_pass(self) -> dict[str, dict[str, Any]]:
        rule = rule_of(self.storage, self.settings, self.request)
        project = self.request["project_path"] + "\0" + os.environ["DJANGO_SETTINGS_MODULE"]
        memory = Memory(self.cache, rule=rule, project=project)
        one_pass = OnePass(self.storage, sources_of(self.found), self.outputs, memory, self.channel)
        hashed_files = one_pass.run()
        self.judge(one_pass.problems, one_pass.missing)
        self.rewritten = one_pass.rewritten_count
        if self.request.get("originals"):
            one_pass.copy_originals()
        self.save_manifest(hashed_files)
        self.phases.end("hash")
        variants = self.compress(memory, list(self.outputs.files))
        memory.finish()
        self.phases.end("remember")
        hashed = {value for name, value in hashed_files.items() if name != value} | set(one_pass.kept)
        return {
            name: {
                "size": size,
                "sha256": sha256,
                "hashed": variants.get(name, name) in hashed,
                "variant": name in variants,
            }
            for name, (size, sha256) in self.outputs.files.items()
        }

    def save_manifest(self, hashed_files: dict[str, str]) -> None:
        prefix = self.storage.trundle_prefix
        self.storage.hashed_files = {name: prefix + value for name, value in hashed_files.items()}
        self.storage.save_manifest()
        take_manifest(self.storage, self.request)

    def compress(self, memory: Memory, names: list[str]) -> dict[str, str]:
        """Make compressed variants, if they are wanted. Returns their names, with what they are made of."""
        if self.compressor is None:
            return {}
        compression = Compression(self.compressor, self.outputs, memory, self.channel)
        compression.run(names)
        self.phases.end("compress")
        return compression.made

    def find_compressor(self) -> Compressor | None:
        wanted = self.request.get("compress")
        if wanted is None:
            return whitenoise_compressor(self.storage, self.settings) if compresses(self.storage) else None
        return compressor_of(wanted, self.settings) if wanted else None

    def own_way(self) -> dict[str, dict[str, Any]]:
        self.storage.trundle_missing = {}
        copy_files(self.storage, self.found, self.channel)
        self.phases.end("copy")
        kept = {clean(self.storage, name) for name in self.found if self.storage.trundle_keeps(name)}
        hashed = {name: source for name, source in self.found.items() if not self.storage.trundle_keeps(name)}
        problems = post_process(self.storage, hashed, self.channel)
        self.judge(problems, self.storage.trundle_missing)
        paths = take_manifest(self.storage, self.request)
        paths.update({name: name for name in kept})
        self.phases.end("hash")
        originals = {clean(self.storage, name) for name in self.found} | set(paths)
        if not self.request.get("originals"):
            remove_originals(self.storage, originals, paths)
        files = describe_files(self.storage, originals, paths, kept)
        self.outputs.written = list(files)
        self.phases.end("digest")
        if self.storage.trundle_prefix or kept:
            self.save_manifest(paths)
        if self.request.get("compress") or (kept and compresses(self.storage)):
            self.add_variants(files)
        return files

    def add_variants(self, files: dict[str, dict[str, Any]]) -> None:
        """Compress what the class's own code has left uncompressed."""
        self.compressor = self.find_compressor()
        self.outputs.folder = self.request["static_dir"]
        self.outputs.files = {name: (entry["size"], entry["sha256"]) for name, entry in files.items()}
        sources = {name[: -len(suffix)] for name in files for suffix in VARIANTS if name.endswith(suffix)}
        memory = Memory(self.cache, rule="variants", project=self.request["project_path"])
        plain = [name for name, entry in files.items() if not entry["variant"] and name not in sources]
        for name, source in self.compress(memory, plain).items():
            size, sha256 = self.outputs.files[name]
            files[name] = {"size": size, "sha256": sha256, "hashed": files[source]["hashed"], "variant": True}
        memory.finish()

    def judge(self, problems: list[str], missing: dict[tuple[str, int, str], None]) -> None:
        self.missing = [{"file": file, "line": line, "reference": url} for file, line, url in sorted(missing)]
        if problems:
            circle = f" ({self.reason})" if self.reason and "circle" in self.reason else ""
            raise RefusedError(
                f"Failed to post-process static files: {'; '.join(problems)}{circle}",
                problems=problems,
                missing_references=self.missing,
            )

    def cache_report(self) -> dict[str, Any]:
        report = {
            "reused": self.outputs.reused,
            "written": len(self.outputs.written),
            "rewritten": self.rewritten,
            "damaged": [],
            "removed": 0,
        }
        if self.cache is not None:
            report.update(damaged=self.cache.damaged, removed=prune(self.cache))
        return report

    def warnings(self) -> list[str]:
        if self.cache is None or not self.cache.damaged:
            return []
        names = ", ".join(self.cache.damaged[:3])
        return [f"The build cache {self.cache.folder} had damaged entries, which were made anew: {names}."]


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
