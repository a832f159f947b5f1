# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx needs to serve a store that is a folder, with the headers that other stores keep with each object."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import (
    CACHE_HASHED,
    CACHE_UNHASHED,
    CONTENT_TYPES,
    DEFAULT_TYPE,
    ENCODINGS,
    Rule,
    content_encoding,
    rules_of,
)
from ansible_collections.trundle.django.plugins.module_utils.store import parse_url

# As Django puts it into a name: twelve digits before the last extension.
DJANGO_HASH = r".*\.[0-9a-f]{12}(\.[^./]*)?"
_VARIANT = rf"(\.({'|'.join(name[1:] for name in ENCODINGS)}))?"
# Answers that carry the file, or say that it has not changed.
_GOOD = "^(200|206|304)"
_URL_PATH = re.compile(r"/([A-Za-z0-9._~+@=-]+/)+")
_HOST = re.compile(r"[A-Za-z0-9.-]*")


# What an address has to match, and the rule for it.
Rules = Sequence[tuple[str, Rule]]


@dataclass(frozen=True)
class Site:
    """folder: of the store, with a slash at its end; host: of the static URL, empty where it is a path."""

    app: str
    folder: str
    path: str
    host: str

    @property
    def variable(self) -> str:
        return f"trundle_{self.app.replace('-', '__')}"


def nginx_static(
    store: str,
    *,
    app: str,
    url: str,
    layout: str = "hashed",
    already_hashed: Iterable[str] = (),
    headers: Iterable[Mapping[str, Any]] = (),
    nginx: str = "",
) -> dict[str, str]:
    """Parts of an nginx configuration, and the host of the static URL.

    headers: the user's own for some files, as collection takes them. nginx: what nginx tells of how it was built and
    what it loads.
    """
    site = _site(store, app, url)
    # The first expression that matches counts for nginx, and the last rule for the record.
    rules = [(_rule_as_regex(rule.pattern, site, layout), rule) for rule in reversed(rules_of(headers))]
    return {
        "host": site.host,
        "http": "\n".join(_maps(site, layout, already_hashed, rules)),
        "server": "\n".join(_location(site, rules, gzip=_has_gzip(nginx), brotli=_has_brotli(nginx))),
    }


def _site(store: str, app: str, url: str) -> Site:
    location = parse_url(store)
    if location.scheme != "file":
        raise TrundleError(f"The store '{store}' is no folder that nginx could serve.")
    parts = urlsplit(url)
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    if not _URL_PATH.fullmatch(path) or not _HOST.fullmatch(parts.hostname or ""):
        raise TrundleError(
            f"The static URL '{url}' cannot be served by nginx: it needs a path of letters, digits and ._~+@=- that is "
            "more than '/', such as /static/."
        )
    return Site(app=app, folder=f"/{location.prefix}/", path=path, host=parts.hostname or "")


def _maps(site: Site, layout: str, already_hashed: Iterable[str], rules: Rules) -> list[str]:
    """Cache-Control by status and name: a 404 is kept nowhere (F1); Content-Encoding by name."""
    path = re.escape(site.path)
    names = [".*"] if layout == "versioned" else [DJANGO_HASH, *map(glob_as_regex, already_hashed)]
    # In the versioned layout what lies in the folder of a release never changes.
    lines = [f'map "$status$uri" ${site.variable}_cache {{', '    default "no-store";']
    lines += [
        f"    {_quoted(f'~{_GOOD}{regex}')} {_value(rule.cache_control)};"
        for regex, rule in rules
        if rule.cache_control is not None
    ]
    lines += [f"    {_quoted(f'~{_GOOD}{path}{name}{_VARIANT}$')} {_quoted(CACHE_HASHED)};" for name in names]
    lines += [f'    "~{_GOOD}" {_quoted(CACHE_UNHASHED)};', "}"]
    lines += [f"map $uri ${site.variable}_encoding {{", '    default "";', '    "~*\\.svgz$" gzip;']
    plain = "|".join(extension[1:] for extension in _compressible())
    lines += [f'    "~*\\.({plain})\\.{suffix[1:]}$" {encoding};' for suffix, encoding in ENCODINGS.items()]
    return [*lines, "}"]


def _location(site: Site, rules: Rules, *, gzip: bool, brotli: bool) -> list[str]:
    inner = [f"alias {site.folder};", f"add_header Cache-Control ${site.variable}_cache always;"]
    inner += [f"add_header Content-Encoding ${site.variable}_encoding;", "gzip off;"]
    if gzip:
        # Proxies are answered like everybody else: Vary keeps their copies apart.
        inner += ["gzip_static on;", "gzip_proxied any;"]
    if brotli:
        inner += ["brotli_static on;"]
    if gzip or brotli:
        inner += ["gzip_vary on;"]
    inner += [f"default_type {DEFAULT_TYPE};", "types {"]
    inner += [f"    {kind} {' '.join(extensions)};" for kind, extensions in _by_type(CONTENT_TYPES).items()]
    inner += ["}", "# Records, and files that are still being written."]
    inner += [f"location ~ {_quoted(f'^{re.escape(site.path)}[.]')} {{ return 404; }}"]
    inner += [
        f"location ~ {_quoted(f'^{regex}')} {{ types {{ }} default_type {_value(rule.content_type)}; }}"
        for regex, rule in rules
        if rule.content_type is not None
    ]
    inner += ["# A compressed file that is asked for by its own name has the type of what is in it."]
    for kind, extensions in _by_type(_compressible()).items():
        pattern = _quoted(f"[.]({'|'.join(extensions)})[.]({'|'.join(name[1:] for name in ENCODINGS)})$")
        inner += [f"location ~* {pattern} {{ types {{ }} default_type {kind}; }}"]
    return [f"location ^~ {site.path} {{", *(f"    {line}" for line in inner), "}"]


def _rule_as_regex(pattern: str, site: Site, layout: str) -> str:
    """A rule matches the name in the sources too: the one with a hash before the extension is that one's."""
    stem, dot, extension = pattern.rpartition(".")
    name = glob_as_regex(pattern)
    if dot and extension.isalnum():
        name = rf"{glob_as_regex(stem)}(\.[0-9a-f]{{12}})?\.{extension}"
    folder = "[^/]+/" if layout == "versioned" else ""
    return f"{re.escape(site.path)}{folder}{name}{_VARIANT}$"


def glob_as_regex(pattern: str) -> str:
    """What fnmatch matches, for nginx, whose expressions are those of Perl."""
    parts = re.split(r"(\[!?\]?[^\]]*\]|[*?])", pattern)
    return "".join(_glob_part(part) for part in parts)


def _glob_part(part: str) -> str:
    if part in ("*", "?"):
        return ".*" if part == "*" else "."
    if part.startswith("[") and part.endswith("]"):
        inner = part[1:-1].replace("\\", r"\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    return re.escape(part)


def _compressible() -> dict[str, str]:
    """Extensions whose compressed files are variants, and not archives of their own, with their types."""
    return {
        extension: kind for extension, kind in CONTENT_TYPES.items() if content_encoding(f"x{extension}.gz") is not None
    }


def _by_type(types: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for extension, kind in types.items():
        found.setdefault(kind, []).append(extension[1:])
    return found


def _quoted(text: str) -> str:
    """A parameter of nginx's configuration: quotes and pairs of backslashes lose one there."""
    return '"' + text.replace("\\\\", "\\\\\\\\").replace('"', '\\"') + '"'


def _value(text: str | None) -> str:
    """A header that the user gave; a dollar would name a variable of nginx."""
    if text is None or not re.fullmatch(r"[^$\\\x00-\x1f\x7f]*", text):
        raise TrundleError(f"The header {text!r} cannot be served by nginx: leave out dollars and backslashes.")
    return _quoted(text)


def _has_gzip(nginx: str) -> bool:
    return "--with-http_gzip_static_module" in nginx


def _has_brotli(nginx: str) -> bool:
    """Built in, or loaded by load_module."""
    return re.search(r"--add-module=\S*brotli|^\s*load_module\s+\S*brotli_static", nginx, re.MULTILINE) is not None
