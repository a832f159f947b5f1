# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page names, and whether an asset is what its name says."""

from __future__ import annotations

import hashlib
import json

import pytest
from load_page import Asset, Form, Manifests, asset_problem, css_references, parse_page
from load_report import percentile

BASE = "http://shop.example.com/goods/"
CDN = "http://cdn.example.com"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<link rel="stylesheet" href="/s/a.css">', {Asset(f"{CDN.replace('cdn', 'shop')}/s/a.css")}),
        (f'<link rel="alternate icon" href="{CDN}/i.svg"/>', {Asset(f"{CDN}/i.svg")}),
        ('<link rel="canonical" href="/page/">', set()),
        (f'<script src="{CDN}/a.js"></script>', {Asset(f"{CDN}/a.js")}),
        (f'<script type="module" src="{CDN}/a.js"></script>', {Asset(f"{CDN}/a.js", cors=True)}),
        (f'<script crossorigin src="{CDN}/a.js"></script>', {Asset(f"{CDN}/a.js", cors=True)}),
        (f'<script type="importmap">{{"imports": {{"x": "{CDN}/x.js"}}}}</script>', {Asset(f"{CDN}/x.js", cors=True)}),
        ("<script>let u = '<img src=/no.png>';</script>", set()),
        (f'<img src="{CDN}/a.png" srcset="{CDN}/b.png 2x, {CDN}/c.png 3x">', {Asset(f"{CDN}/{n}.png") for n in "abc"}),
        (f'<button data-chunk="{CDN}/c.js">x</button>', {Asset(f"{CDN}/c.js", cors=True)}),
        ('<img src="data:image/png;base64,AA">', set()),
        (f'<img src="{CDN}/s.svg#wheel">', {Asset(f"{CDN}/s.svg")}),
        ('<a href="/static/a.css">link</a>', set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_assets_of_a_page(html, expected):
    assert parse_page(BASE, html).assets == expected


def test_forms_are_filled_in():
    html = """<form method="post"><input type="hidden" name="t" value="1"><input type="email" name="e">
    <input type="number" name="n" min="2"><input name="w"><input type="checkbox" name="c"><input type="submit" name="s">
    </form><form method="get"><input name="q"></form>
    <form method="POST" action="/login/"><input name="u"><input type="password" name="password"></form>"""
    fields = (("t", "1"), ("e", "visitor@example.com"), ("n", "2"), ("w", "hello"))
    assert parse_page(BASE, html).forms == (Form(BASE, fields),)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"imports": []}', '{"imports": {"a": 1}}'])
def test_an_unusable_import_map_is_an_error(content):
    with pytest.raises(ValueError, match=r".+"):
        parse_page(BASE, f'<script type="importmap">{content}</script>')


@pytest.mark.parametrize(
    ("css", "expected"),
    [
        ("a{background:url(i.svg)}", {Asset(f"{CDN}/css/i.svg")}),
        ("a{background:url( '../i.svg' )}", {Asset(f"{CDN}/i.svg")}),
        ('@import "b.css";', {Asset(f"{CDN}/css/b.css")}),
        ("@import url(b.css) screen;", {Asset(f"{CDN}/css/b.css")}),
        ("@font-face{src:url('f.woff2?#iefix')}", {Asset(f"{CDN}/css/f.woff2?", cors=True)}),
        ("/* url(no.svg) */", set()),
        ("a{fill:url(#gradient);cursor:url(data:x)}", set()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_references_of_a_sheet(css, expected):
    found = css_references(f"{CDN}/css/a.css", css)
    assert {(asset.url.rstrip("?"), asset.cors) for asset in found} == {(a.url.rstrip("?"), a.cors) for a in expected}


def name_of(body: bytes, suffix: str = ".css") -> str:
    return f"{CDN}/static/a.{hashlib.md5(body, usedforsecurity=False).hexdigest()[:12]}{suffix}"


@pytest.mark.parametrize(
    ("url", "content_type", "problem"),
    [
        (name_of(b"x"), "text/css; charset=utf-8", None),
        (name_of(b"x", ".js"), "application/javascript", None),
        (name_of(b"x", ".unknown"), "application/whatever", None),
        (name_of(b"x", ""), "application/octet-stream", None),
        (name_of(b"y"), "text/css", "content does not match its name (1 bytes)"),
        (name_of(b"x"), "text/plain", "content type is 'text/plain'"),
        (name_of(b"x"), "", "content type is 'missing'"),
        (f"{CDN}/a.css", "text/css", "name has no content hash"),
    ],
)
def test_problems_of_an_asset(url, content_type, problem):
    assert asset_problem(url, b"x", content_type) == problem


def test_manifests_are_read_as_they_appear_and_change(tmp_path):
    manifests = Manifests({"v0": tmp_path / "named.json"}, tmp_path / "folder")
    page = frozenset({Asset(f"{CDN}/static/css/a.1.css"), Asset(f"{CDN}/prefix/static/b%20c.svg")})
    manifests.scan()
    assert manifests.foreign("v0", page) is None
    (tmp_path / "folder").mkdir()
    (tmp_path / "named.json").write_text(json.dumps({"paths": {"css/a.css": "css/a.1.css", "b c.svg": "b c.svg"}}))
    (tmp_path / "folder" / "v1.json").write_text('{"paths": ')
    manifests.scan()
    assert manifests.foreign("v0", page) == []
    assert manifests.foreign("v1", page) is None
    (tmp_path / "folder" / "v1.json").write_text(json.dumps({"paths": {"x": "a.1.css"}}))
    manifests.scan()
    # The end of a name is not the name: a path counts from a folder on.
    assert manifests.foreign("v1", page) == [f"{CDN}/prefix/static/b%20c.svg"]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, 0),
        ([7], 0.99, 7),
        (list(range(1, 101)), 0.5, 50),
        (list(range(1, 101)), 0.99, 99),
        ([1, 2, 3], 1.0, 3),
    ],
)
def test_percentile(values, share, expected):
    assert percentile(values, share) == expected
