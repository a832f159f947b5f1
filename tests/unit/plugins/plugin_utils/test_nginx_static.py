# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the configuration; the integration target of the same name has a real nginx read it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.trundle.django.plugins.filter.nginx_static import FilterModule
from ansible_collections.trundle.django.plugins.module_utils.headers import CACHE_HASHED
from ansible_collections.trundle.django.plugins.plugin_utils.nginx_static import glob_as_regex

FOR_WORKERS = [
    {"pattern": "*.js", "cache_control": "max-age=60", "content_type": None},
    {"pattern": "sw.js", "cache_control": "no-cache, must-revalidate"},
    {"pattern": "feed/*", "content_type": "application/rss+xml; charset=utf-8"},
]
STORE = "file:///mnt/efs/static"


def parts(**options: Any) -> dict[str, str]:
    return FilterModule().filters()["nginx_static"](STORE, **{"app": "shop", "url": "/static/", **options})


def cache_of(uri: str, **options: Any) -> str:
    """What the map gives for an answer of this status and address, read as nginx reads it."""
    rules = re.findall(r'^    "~(.*)" "(.*)";$', parts(**options)["http"].split("}\n", maxsplit=1)[0], re.MULTILINE)
    assert rules
    return next((value for pattern, value in rules if re.search(pattern, uri)), "no-store")


@pytest.mark.parametrize(
    ("uri", "options", "expected"),
    [
        ("200/static/css/app.55e7cbb9ba48.css", {}, CACHE_HASHED),
        ("304/static/css/app.55e7cbb9ba48.css", {}, CACHE_HASHED),
        ("200/static/css/app.55e7cbb9ba48.css.gz", {}, CACHE_HASHED),
        ("200/static/LICENSE.55e7cbb9ba48", {}, CACHE_HASHED),
        ("200/static/css/app.css", {}, "no-cache"),
        ("200/static/css/app.55e7cbb9ba4.css", {}, "no-cache"),
        ("200/static/css.55e7cbb9ba48.d/app.css", {}, "no-cache"),
        ("404/static/css/app.55e7cbb9ba48.css", {}, "no-store"),
        ("301/static/css", {}, "no-store"),
        ("200/static/vite/index-BCdef.js", {}, "no-cache"),
        ("200/static/vite/index-BCdef.js", {"already_hashed": ["vite/*"]}, CACHE_HASHED),
        ("200/static/vite/index-BCdef.js.br", {"already_hashed": ["vite/*.js"]}, CACHE_HASHED),
        ("200/static/v1/css/app.css", {"layout": "versioned"}, CACHE_HASHED),
        ("404/static/v1/css/app.css", {"layout": "versioned"}, "no-store"),
        ("200/static/sw.js", {"headers": FOR_WORKERS}, "no-cache, must-revalidate"),
        ("200/static/sw.55e7cbb9ba48.js", {"headers": FOR_WORKERS}, "no-cache, must-revalidate"),
        ("200/static/sw.55e7cbb9ba48.js.br", {"headers": FOR_WORKERS}, "no-cache, must-revalidate"),
        ("404/static/sw.js", {"headers": FOR_WORKERS}, "no-store"),
        ("200/static/my-sw.js", {"headers": FOR_WORKERS}, "max-age=60"),
        ("200/static/a.css", {"headers": FOR_WORKERS}, "no-cache"),
        ("200/static/v1/sw.js", {"headers": FOR_WORKERS, "layout": "versioned"}, "no-cache, must-revalidate"),
    ],
)
def test_cache_control_follows_status_and_name(uri: str, options: dict[str, Any], expected: str) -> None:
    assert cache_of(uri, **options) == expected


@pytest.mark.parametrize("pattern", ["*", "vite/*.js", "a?c", "[ab]*", "[!a]x", "a.b+(c)", "x[", "*.{js}"])
@pytest.mark.parametrize(
    "name", ["vite/a.js", "vite/deep/a.js", "abc", "a/c", "bx", "ax", "a.b+(c)", "aXb", "x[", "c.{js}"]
)
def test_globs_match_what_collection_matches(pattern: str, name: str) -> None:
    assert bool(re.fullmatch(glob_as_regex(pattern), name)) == fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    ("nginx", "directives"),
    [
        ("", []),
        ("configure arguments: --with-http_gzip_static_module", ["gzip_static on;", "gzip_vary on;"]),
        ("--add-module=/src/ngx_brotli", ["brotli_static on;", "gzip_vary on;"]),
        ("load_module modules/ngx_http_brotli_static_module.so;", ["brotli_static on;", "gzip_vary on;"]),
        ("# load_module modules/ngx_http_brotli_static_module.so;", []),
    ],
)
def test_variants_are_served_where_nginx_can(nginx: str, directives: list[str]) -> None:
    server = parts(nginx=nginx)["server"]
    assert re.findall(r"(?:gzip_static|brotli_static|gzip_vary) on;", server) == directives


def test_two_sites_have_variables_of_their_own() -> None:
    assert "$trundle_a__b_cache" in parts(app="a-b")["http"]
    assert "$trundle_a_b_cache" in parts(app="a_b")["http"]


@pytest.mark.parametrize(
    ("url", "host"), [("/static/", ""), ("https://cdn.example.com:8443/a/static", "cdn.example.com")]
)
def test_the_url_may_name_a_host(url: str, host: str) -> None:
    found = parts(url=url)
    assert found["host"] == host
    assert f"location ^~ {'/static/' if not host else '/a/static/'} {{" in found["server"]


@pytest.mark.parametrize("url", ["/", "https://cdn.example.com/", "/sta tic/", "/static;}/", '/st"atic/', ""])
def test_an_address_that_nginx_cannot_have_is_refused(url: str) -> None:
    with pytest.raises(AnsibleFilterError, match="cannot be served by nginx: it needs a path"):
        parts(url=url)


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="is no folder that nginx could serve"):
        FilterModule().filters()["nginx_static"]("s3://bucket/static", app="shop", url="/static/")


def test_a_rule_gives_a_type_to_a_file_and_its_variants() -> None:
    server = parts(headers=FOR_WORKERS)["server"]
    [(pattern, kind)] = re.findall(r'location ~ "(\S*feed\S*)" { types { } default_type "(.*)"; }', server)
    assert kind == "application/rss+xml; charset=utf-8"
    assert re.search(pattern, "/static/feed/all.55e7cbb9ba48.gz")
    assert not re.search(pattern, "/static/other/feed/all")


def test_a_header_that_names_a_variable_of_nginx_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="leave out dollars and backslashes"):
        parts(headers=[{"pattern": "*", "cache_control": "max-age=$age"}])
