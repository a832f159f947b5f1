# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP headers of static files, the same on every machine that builds a release.

The table below is pinned: Python's ``mimetypes`` reads the machine's own tables, so two build
hosts could give one release two contents. Only standard library, Python 3.8 and newer.
"""

from __future__ import annotations

import posixpath
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

CACHE_HASHED = "public, max-age=31536000, immutable"
CACHE_UNHASHED = "no-cache"
CACHE_RECORD = "private, no-store"
DEFAULT_TYPE = "application/octet-stream"

CONTENT_TYPES = {
    # Text and data
    ".atom": "application/atom+xml",
    ".css": "text/css",
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".htc": "text/x-component",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".json": "application/json",
    ".json5": "application/json5",
    ".jsonld": "application/ld+json",
    ".less": "text/x-less",
    ".map": "application/json",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".rss": "application/rss+xml",
    ".scss": "text/x-scss",
    ".txt": "text/plain",
    ".vcf": "text/vcard",
    ".vtt": "text/vtt",
    ".webmanifest": "application/manifest+json",
    ".xhtml": "application/xhtml+xml",
    ".xml": "text/xml",
    ".xsl": "text/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    # Programs
    ".cjs": "text/javascript",
    ".coffee": "text/coffeescript",
    ".js": "text/javascript",
    ".jsx": "text/jsx",
    ".mjs": "text/javascript",
    ".ts": "application/typescript",
    ".wasm": "application/wasm",
    # Fonts
    ".eot": "application/vnd.ms-fontobject",
    ".otf": "font/otf",
    ".ttc": "font/collection",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    # Images
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".cur": "image/x-icon",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".jfif": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".jxl": "image/jxl",
    ".png": "image/png",
    ".psd": "image/vnd.adobe.photoshop",
    ".svg": "image/svg+xml",
    ".svgz": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    # Sound and film
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".mid": "audio/midi",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".swf": "application/x-shockwave-flash",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    # 3D models
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    # Documents and archives
    ".7z": "application/x-7z-compressed",
    ".br": "application/x-brotli",
    ".bz2": "application/x-bzip2",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".gz": "application/gzip",
    ".jar": "application/java-archive",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".tar": "application/x-tar",
    ".tgz": "application/gzip",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xz": "application/x-xz",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}

ENCODINGS = {".gz": "gzip", ".br": "br", ".zst": "zstd"}

# Types whose files are never worth compressing again: `logo.png.gz` is a file of its own.
_PACKED = frozenset(
    [
        ".7z",
        ".aac",
        ".apng",
        ".avif",
        ".br",
        ".bz2",
        ".flac",
        ".gif",
        ".gz",
        ".jpeg",
        ".jpg",
        ".jxl",
        ".m4a",
        ".m4v",
        ".mov",
        ".mp3",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".ogg",
        ".ogv",
        ".opus",
        ".png",
        ".rar",
        ".svgz",
        ".swf",
        ".tar",
        ".tgz",
        ".webm",
        ".webp",
        ".woff",
        ".woff2",
        ".xz",
        ".zip",
        ".zst",
    ]
)


def variant_of(name: str, names: Container[str] | None = None) -> str | None:
    """The file that ``name`` is a compressed variant of, or None where it is a file of its own.

    ``names``, where given, are all files of the release: they decide. Otherwise the name does:
    `app.css.gz` is a variant of `app.css`, while `data.tar.gz` is an archive.
    """
    stem, extension = posixpath.splitext(name)
    if extension.lower() not in ENCODINGS:
        return None
    if names is not None:
        return stem if stem in names else None
    inner = posixpath.splitext(stem)[1].lower()
    return stem if inner in CONTENT_TYPES and inner not in _PACKED else None


def content_type(name: str, names: Container[str] | None = None) -> str:
    """The media type of a file; that of `app.css` for its variants `app.css.gz` and `app.css.br`."""
    plain = variant_of(name, names) or name
    return CONTENT_TYPES.get(posixpath.splitext(plain)[1].lower(), DEFAULT_TYPE)


def content_encoding(name: str, names: Container[str] | None = None) -> str | None:
    """`gzip`, `br` or `zstd` for a compressed variant, else None."""
    if variant_of(name, names) is not None:
        return ENCODINGS[posixpath.splitext(name)[1].lower()]
    # An .svgz is an SVG in gzip: browsers show it only when they are told so.
    return "gzip" if name.lower().endswith(".svgz") else None


def cache_control(hashed: bool) -> str:
    """How long a file may be kept: for ever when its name changes with its content."""
    return CACHE_HASHED if hashed else CACHE_UNHASHED


@dataclass(frozen=True)
class Rule:
    """What the user wants for the files that match; None leaves a header as it is."""

    pattern: str
    cache_control: str | None = None
    content_type: str | None = None

    def matches(self, names: Iterable[str]) -> bool:
        return any(fnmatchcase(name, self.pattern) for name in names)


def rules_of(given: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules as the options of a module have them."""
    return tuple(Rule(**rule) for rule in given)


def override(rules: Iterable[Rule], names: Iterable[str]) -> dict[str, str]:
    """The headers that rules give to a file of these names; of two rules for one header the later one counts."""
    names, headers = tuple(names), {}
    for rule in rules:
        if rule.matches(names):
            wanted = {"cache_control": rule.cache_control, "content_type": rule.content_type}
            headers.update({name: value for name, value in wanted.items() if value is not None})
    return headers
