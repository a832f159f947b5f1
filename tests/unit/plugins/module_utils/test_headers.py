# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.trundle.django.plugins.module_utils import headers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("js/app.0123456789ab.mjs", "text/javascript"),
        ("js/app.js.map", "application/json"),
        ("app.wasm", "application/wasm"),
        ("font.woff2", "font/woff2"),
        ("photo.AVIF", "image/avif"),
        ("site.webmanifest", "application/manifest+json"),
        ("css/app.css.br", "text/css"),
        ("data.tar.gz", "application/gzip"),
        ("LICENSE", "application/octet-stream"),
        ("drawing.svgz", "image/svg+xml"),
    ],
)
def test_f7_content_type_is_pinned(name: str, expected: str) -> None:
    assert headers.content_type(name) == expected


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("app.css.gz", None, "gzip"),
        ("app.css.br", None, "br"),
        ("app.css.zst", {"app.css"}, "zstd"),
        ("data.tar.zst", None, None),
        ("data.tar.gz", None, None),
        ("photo.png.gz", None, None),
        ("notes.gz", None, None),
        ("app.css", None, None),
        ("drawing.svgz", None, "gzip"),
        # The release's own files decide where they are known.
        ("app.css.gz", {"app.css.gz"}, None),
        ("LICENSE.gz", {"LICENSE", "LICENSE.gz"}, "gzip"),
    ],
)
def test_f7_content_encoding_of_variants(name: str, names: set[str] | None, expected: str | None) -> None:
    assert headers.content_encoding(name, names) == expected


def test_only_a_name_with_a_hash_is_kept_for_ever() -> None:
    assert headers.cache_control(True) == "public, max-age=31536000, immutable"
    assert headers.cache_control(False) == "no-cache"


RULES = headers.rules_of(
    [
        {"pattern": "*.html", "cache_control": "public, max-age=60", "content_type": None},
        {"pattern": "docs/*", "cache_control": None, "content_type": "text/plain"},
        {"pattern": "docs/index.html", "cache_control": "no-store", "content_type": None},
    ]
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["css/app.css"], {}),
        (["a/page.html"], {"cache_control": "public, max-age=60"}),
        (["docs/a/notes.md"], {"content_type": "text/plain"}),
        # The later rule counts, for each header by itself.
        (["docs/index.html"], {"cache_control": "no-store", "content_type": "text/plain"}),
        # The name in the templates goes as well as the one with a hash.
        (
            ["docs/index.0123.html", "docs/index.html"],
            {"cache_control": "no-store", "content_type": "text/plain"},
        ),
        (["Page.HTML"], {}),
    ],
    ids=["none", "extension", "folder", "later", "either", "case"],
)
def test_rules_of_the_user_win(names: list[str], expected: dict[str, str]) -> None:
    assert headers.override(RULES, names) == expected
