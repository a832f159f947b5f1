# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page names, and whether an asset is what its name says. No network in here."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

LINK_RELS = frozenset({"stylesheet", "icon", "apple-touch-icon", "manifest", "preload", "modulepreload"})
FONTS = frozenset({".woff2", ".woff", ".ttf", ".otf"})
SCRIPT = frozenset({"text/javascript", "application/javascript"})
CONTENT_TYPES = {
    ".css": frozenset({"text/css"}),
    ".js": SCRIPT,
    ".mjs": SCRIPT,
    ".svg": frozenset({"image/svg+xml"}),
    ".png": frozenset({"image/png"}),
    ".jpg": frozenset({"image/jpeg"}),
    ".gif": frozenset({"image/gif"}),
    ".webp": frozenset({"image/webp"}),
    ".avif": frozenset({"image/avif"}),
    ".woff2": frozenset({"font/woff2"}),
    ".woff": frozenset({"font/woff", "application/font-woff"}),
    ".json": frozenset({"application/json"}),
    ".map": frozenset({"application/json"}),
    ".wasm": frozenset({"application/wasm"}),
}
HASHED = re.compile(r"\.([0-9a-f]{12})(?:\.[^./]*)?$")
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_REFERENCE = re.compile(
    r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^"')\s]+))\s*\)|@import\s+(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE
)


@dataclass(frozen=True)
class Asset:
    """An address that a page or sheet names. *cors*: a browser loads it only when its server allows this origin."""

    url: str
    cors: bool = False


@dataclass(frozen=True)
class Form:
    """A form as a visitor would send it: hidden fields kept, the others filled in."""

    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    release: str | None
    assets: frozenset[Asset]
    forms: tuple[Form, ...]


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url = url
        self.release: str | None = None
        self.assets: set[Asset] = set()
        self.forms: list[Form] = []
        self._form: tuple[str, list[tuple[str, str]]] | None = None
        self._import_map: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and given.get("name") == "release":
            self.release = given.get("content") or None
        elif tag == "link" and LINK_RELS.intersection(given.get("rel", "").lower().split()):
            self._name(given.get("href"), cors="crossorigin" in given)
        elif tag == "script":
            module = given.get("type") == "module"
            self._name(given.get("src"), cors=module or "crossorigin" in given)
            self._import_map = [] if given.get("type") == "importmap" else None
        elif tag in ("img", "source"):
            self._name(given.get("src"))
            for candidate in given.get("srcset", "").split(","):
                self._name(candidate.strip().split(" ")[0])
        elif tag == "form" and given.get("method", "").lower() == "post":
            self._form = (urljoin(self.url, given.get("action", "")), [])
        elif tag == "input" and self._form:
            self._fill(given)
        self._name(given.get("data-chunk"), cors=True)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._import_map is not None:
            self._import_map.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._import_map is not None:
            for url in _mapped(json.loads("".join(self._import_map))):
                self._name(url, cors=True)
            self._import_map = None
        elif tag == "form" and self._form:
            action, fields = self._form
            # A form with a password is a sign-in: to send it would only cost the server a slow hash.
            if not any(name == "password" for name, _value in fields):
                self.forms.append(Form(action, tuple(fields)))
            self._form = None

    def _name(self, reference: str | None, *, cors: bool = False) -> None:
        url = _absolute(self.url, reference or "")
        if url:
            self.assets.add(Asset(url, cors))

    def _fill(self, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given.get("name")
        if not name or not self._form or kind in ("submit", "button", "image", "reset", "checkbox", "radio", "file"):
            return
        made_up = {"email": "visitor@example.com", "number": given.get("min") or "1"}.get(kind, "hello")
        self._form[1].append((name, given.get("value") or ("" if kind == "hidden" else made_up)))


def _mapped(import_map: object) -> list[str]:
    """The addresses of an import map."""
    imports = import_map.get("imports", {}) if isinstance(import_map, dict) else None
    if not isinstance(imports, dict) or not all(isinstance(url, str) for url in imports.values()):
        raise ValueError("its import map has no usable imports")
    return list(imports.values())


def _absolute(base: str, reference: str) -> str | None:
    url = urldefrag(urljoin(base, reference.strip())).url if reference.strip() else ""
    return url if url.startswith(("http://", "https://")) and not reference.startswith("#") else None


def parse_page(url: str, text: str) -> Page:
    """Read an HTML page. Raises ValueError when its import map is no JSON."""
    reader = _Reader(url)
    reader.feed(text)
    reader.close()
    return Page(reader.release, frozenset(reader.assets), tuple(reader.forms))


def css_references(url: str, text: str) -> frozenset[Asset]:
    """The addresses that a sheet names by url() and @import."""
    found = set()
    for match in CSS_REFERENCE.finditer(CSS_COMMENT.sub(" ", text)):
        absolute = _absolute(url, next((group for group in match.groups() if group), ""))
        if absolute:
            found.add(Asset(absolute, cors=Path(urlsplit(absolute).path).suffix.lower() in FONTS))
    return frozenset(found)


def asset_problem(url: str, body: bytes, content_type: str, *, need_hash: bool = True) -> str | None:
    """Say what is wrong with the bytes or type of an asset that was found; None when it is right."""
    path = urlsplit(url).path
    named = HASHED.search(path)
    if named and hashlib.md5(body, usedforsecurity=False).hexdigest()[:12] != named[1]:
        return f"content does not match its name ({len(body)} bytes)"
    if need_hash and not named:
        return "name has no content hash"
    allowed = CONTENT_TYPES.get(Path(path).suffix.lower())
    given = content_type.partition(";")[0].strip().lower()
    if allowed and given not in allowed:
        return f"content type is {given or 'missing'!r}"
    return None


class Manifests:
    """The manifests (staticfiles.json) of the releases known so far, by release id."""

    def __init__(self, files: dict[str, Path], folder: Path | None = None) -> None:
        self.files = files
        self.folder = folder
        self._names: dict[str, frozenset[str]] = {}
        self._seen: dict[Path, tuple[int, int]] = {}

    def scan(self) -> None:
        """Read the manifests that appeared or changed since the last time; one half-written is read the next time."""
        found = dict(self.files)
        if self.folder and self.folder.is_dir():
            found.update({path.stem: path for path in self.folder.glob("*.json")})
        for release, path in found.items():
            try:
                stat = path.stat()
                mark = (stat.st_mtime_ns, stat.st_size)
                if self._seen.get(path) == mark:
                    continue
                self._names[release] = frozenset(json.loads(path.read_bytes())["paths"].values())
                self._seen[path] = mark
            except (OSError, ValueError, KeyError):
                continue

    def foreign(self, release: str, assets: frozenset[Asset]) -> list[str] | None:
        """The assets that *release* does not have; None while its manifest is not known."""
        names = self._names.get(release)
        if names is None:
            return None
        return sorted(asset.url for asset in assets if not _is_among(urlsplit(asset.url).path, names))


def _is_among(path: str, names: frozenset[str]) -> bool:
    """Is the path one of the names, below whatever static URL?"""
    parts = unquote(path).strip("/").split("/")
    return any("/".join(parts[start:]) in names for start in range(len(parts)))
