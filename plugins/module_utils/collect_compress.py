# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed variants beside the files, as WhiteNoise makes them, each content once and on all cores.

Part of the program in the project's Python: standard library only, brotli and zstd where they are
installed, Python 3.8 and newer.
"""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import importlib
import io
import json
import os
import re
import time
import zlib
from collections.abc import Iterable
from typing import Any, Callable

from ansible_collections.trundle.django.plugins.module_utils.collect_inspect import class_identity
from ansible_collections.trundle.django.plugins.module_utils.collect_memory import Memory
from ansible_collections.trundle.django.plugins.module_utils.collect_output import Outputs
from ansible_collections.trundle.django.plugins.module_utils.collect_report import Channel
from ansible_collections.trundle.django.plugins.module_utils.collect_storage import OwnWayError
from ansible_collections.trundle.django.plugins.module_utils.project_setup import RefusedError

# WhiteNoise's list of what is compressed already, and its rule for what is worth keeping.
SKIPPED = (
    *("jpg", "jpeg", "png", "gif", "webp", "zip", "gz", "tgz", "bz2", "tbz", "xz", "br", "swf", "flv"),
    *("woff", "woff2", "3gp", "3gpp", "asf", "avi", "m4v", "mov", "mp4", "mpeg", "mpg", "webm", "wmv"),
)
WORTH = 0.95
ZSTD_LEVEL = 19
SUFFIXES = {"brotli": ".br", "gzip": ".gz", "zstd": ".zst"}
HEARTBEAT = 1.0


class Compressor:
    """What to compress, and how. identity: all that decides about the bytes; None for code that we do not know."""

    def __init__(
        self,
        encoders: dict[str, Callable[[bytes], bytes]],
        *,
        skip: Callable[[str], Any],
        worth: Callable[[str, int, bytes], bool],
        identity: list[Any] | None,
    ) -> None:
        self.encoders = encoders
        self.skip = skip
        self.worth = worth
        versions = [zlib.ZLIB_RUNTIME_VERSION, *(module_version(name) for name in encoders if name != "gzip")]
        described = json.dumps([identity, versions, sorted(encoders)])
        self.rule = None if identity is None else hashlib.sha256(described.encode("ascii")).hexdigest()[:16]

    def variants(self, data: bytes) -> dict[str, bytes]:
        """Suffix -> bytes. As WhiteNoise has it, where brotli is not worth it nothing is."""
        found: dict[str, bytes] = {}
        for name in ("brotli", "gzip", "zstd"):
            if name in self.encoders:
                compressed = self.encoders[name](data)
                if self.worth(name, len(data), compressed):
                    found[SUFFIXES[name]] = compressed
                elif name == "brotli":
                    break
        return found


def whitenoise_compressor(storage: Any, settings: Any) -> Compressor:
    """The storage's own compressor."""
    extensions = getattr(settings, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS", None)
    own = storage.create_compressor(extensions=extensions, quiet=True)
    stock = importlib.import_module("whitenoise.compress").Compressor
    if type(own).compress is not stock.compress or type(own).write_data is not stock.write_data:
        raise OwnWayError(f"its compressor {type(own).__qualname__} has a way of its own")
    encoders: dict[str, Callable[[bytes], bytes]] = {}
    if own.use_brotli:
        encoders["brotli"] = own.compress_brotli
    if own.use_gzip:
        encoders["gzip"] = own.compress_gzip
    return Compressor(
        encoders,
        skip=lambda name: not own.should_compress(name),
        worth=lambda name, size, data: bool(own.is_compressed_effectively(name.title(), "", size, data)),
        identity=class_identity(type(own)) if own.__class__ is stock else None,
    )


def compressor_of(names: Iterable[str], settings: Any) -> Compressor:
    """Variants that the user asks for, by the same rules."""
    extensions = getattr(settings, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS", None)
    extensions = SKIPPED if extensions is None else extensions
    pattern = re.compile(r"\.(" + "|".join(map(re.escape, extensions)) + ")$" if extensions else "^$", re.IGNORECASE)
    encoders = {name: encoder(name) for name in names}
    return Compressor(encoders, skip=pattern.search, worth=is_worth_it, identity=["levels", 9, 11, ZSTD_LEVEL])


def is_worth_it(_name: str, size: int, data: bytes) -> bool:
    return size > 0 and len(data) / size <= WORTH


def encoder(name: str) -> Callable[[bytes], bytes]:
    if name == "gzip":
        return compress_gzip
    for module_name in MODULES[name]:
        try:
            module: Any = importlib.import_module(module_name)
        except ImportError:
            continue
        if name == "brotli":
            return lambda data: bytes(module.compress(data))
        if hasattr(module, "ZstdCompressor") and module_name == "zstandard":
            return lambda data: bytes(module.ZstdCompressor(level=ZSTD_LEVEL).compress(data))
        return lambda data: bytes(module.compress(data, level=ZSTD_LEVEL))
    raise RefusedError(
        f"'compress' names {name}, and the project's Python cannot import {' or '.join(MODULES[name])}: "
        f"add it to the project's requirements."
    )


MODULES = {"brotli": ("brotli", "brotlicffi"), "zstd": ("compression.zstd", "zstandard", "backports.zstd")}


def compress_gzip(data: bytes) -> bytes:
    output = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=output, compresslevel=9, mtime=0) as stream:
        stream.write(data)
    return output.getvalue()


def module_version(name: str) -> str:
    for module_name in MODULES[name]:
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        version = getattr(module, "__version__", None) or getattr(module, "zstd_version", "")
        return f"{module_name} {version}"
    return ""


def cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


class Compression:
    """Makes the variants of one run's files."""

    def __init__(self, compressor: Compressor, outputs: Outputs, memory: Memory, channel: Channel) -> None:
        self.compressor = compressor
        self.outputs = outputs
        self.memory = memory
        self.channel = channel
        # Variants, name -> the name of the file that it is made of.
        self.made: dict[str, str] = {}
        self.done = 0
        self.flushed = time.monotonic()

    def run(self, names: Iterable[str]) -> None:
        contents: dict[str, list[str]] = {}
        for name in names:
            if not self.compressor.skip(name):
                contents.setdefault(self.outputs.files[name][1], []).append(name)
        # Those that take long come first, so that no core is left with a long one at the end.
        jobs = sorted(
            (sha256 for sha256 in contents if not self.reuse(sha256, contents[sha256])),
            key=lambda sha256: (-self.outputs.files[contents[sha256][0]][0], sha256),
        )
        with concurrent.futures.ThreadPoolExecutor(cores()) as executor:
            waiting = {executor.submit(self.compress, contents[sha256][0]): sha256 for sha256 in jobs}
            try:
                while waiting:
                    finished, _others = concurrent.futures.wait(
                        waiting, timeout=HEARTBEAT, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    for future in finished:
                        sha256 = waiting.pop(future)
                        self.write(sha256, contents[sha256], future.result())
                    self.tell(len(jobs))
            finally:
                for future in waiting:
                    future.cancel()

    def tell(self, total: int) -> None:
        self.channel.progress("compress", self.done, total)
        if self.memory.cache is not None and time.monotonic() - self.flushed > HEARTBEAT:
            # What a killed run has compressed is not lost.
            self.memory.cache.flush()
            self.flushed = time.monotonic()

    def compress(self, name: str) -> dict[str, tuple[bytes, str]]:
        """In a thread of its own: zlib, brotli and hashlib let the others run."""
        with open(self.outputs.target(name), "rb") as stream:
            data = stream.read()
        variants = self.compressor.variants(data)
        return {suffix: (found, hashlib.sha256(found).hexdigest()) for suffix, found in variants.items()}

    def write(self, sha256: str, names: list[str], variants: dict[str, tuple[bytes, str]]) -> None:
        for name in names:
            for suffix, (data, digest) in variants.items():
                self.outputs.write(name + suffix, data, digest)
                self.made[name + suffix] = name
        if self.compressor.rule is not None:
            known = {suffix: [digest, len(data)] for suffix, (data, digest) in variants.items()}
            self.memory.learn_variants(self.compressor.rule, sha256, known)
        self.done += 1

    def reuse(self, sha256: str, names: list[str]) -> bool:
        """Whether all variants of a content are known and there."""
        if self.compressor.rule is None:
            return False
        known = self.memory.known_variants(self.compressor.rule, sha256)
        if known is None:
            return False
        for name in names:
            for suffix, (digest, size) in known.items():
                if not self.outputs.link(name + suffix, digest, size):
                    return False
                self.made[name + suffix] = name
        return True
