# SPDX-License-Identifier: BSD-3-Clause
"""The settings of a chain: as an error of the cache, and as a system check."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import InvalidCacheBackendError, caches
from django.core.checks import run_checks

CHAIN = "trundle.cache.ChainedCache"
LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
FILES = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/nowhere"}


def settings(location: Any = ("first", "last"), **options: Any) -> dict[str, Any]:
    default = {"BACKEND": CHAIN, "LOCATION": location, "OPTIONS": options}
    return {"default": default, "first": LOCMEM, "last": FILES}


def found(deploy: bool = False) -> dict[str | None, str]:
    messages = run_checks(tags=["trundle"], include_deployment_checks=deploy)
    return {message.id: str(message) for message in messages}


@pytest.mark.parametrize(
    ("caches_setting", "message"),
    [
        (settings(""), "needs the aliases of its caches, first to last"),
        (settings([]), "needs the aliases"),
        (settings(["first", 1]), "needs the aliases"),
        (settings(5), "needs the aliases"),
        (settings("first", caches=["last"]), "has both LOCATION and the option 'caches'"),
        (settings(["first", "first"]), "names a cache twice: first, first"),
        (settings("first; redis"), "names 'redis', which is not in CACHES. There are: default, first, last"),
        (settings(cap=5, LIMIT=2), "unknown OPTIONS: LIMIT, cap. Known are: caches, caps, strict, debug"),
        (settings(strict="no"), "option 'strict' of ChainedCache must be True or False"),
        (settings(debug=1), "option 'debug' of ChainedCache must be True or False"),
        (settings(caps=5), "must be a dict, such as {'first': 5}"),
        (settings(caps={"last": 5}), "names 'last', which is no cache before the last one. Those are: first"),
        (settings("last", caps={"last": 5}), "Those are: none"),
        (settings(caps={"first": 0}), "must be a number of seconds above 0, or None for no cap, not 0"),
        (settings(caps={"first": True}), "not True"),
        (settings(caps={"first": "5"}), "not '5'"),
        (settings(["first", "default"]), "default contains itself. Take 'default' out of it"),
        (
            {**settings(["first", "inner"]), "inner": {"BACKEND": CHAIN, "LOCATION": ["last", "default"]}},
            "contains itself",
        ),
        ({**settings(["first", "inner"]), "inner": {"BACKEND": CHAIN}}, "needs the aliases"),
    ],
)
def test_e007_what_is_wrong(configure, caches_setting: dict[str, Any], message: str) -> None:
    configure(CACHES=caches_setting)
    with pytest.raises(InvalidCacheBackendError) as caught:
        caches["default"]
    assert message in str(caught.value)
    assert message in found(deploy=True)["trundle.E007"]


@pytest.mark.parametrize("location", [["first", "last"], ("first", "last"), "first,last", "first; last", "first last"])
def test_what_is_right(configure, location: Any) -> None:
    configure(CACHES=settings(location, caps={"first": 2.5}, strict=False, debug=True))
    caches["default"]
    assert "trundle.E007" not in found()
    configure(CACHES=settings("", caches=location, caps={"first": None}))
    caches["default"]
    assert "trundle.E007" not in found()


def test_other_caches_are_none_of_its_business(configure) -> None:
    lazy = {"default": {"BACKEND": "no.such.Cache"}, "other": {}, "function": {"BACKEND": "trundle.cache.conf.chains"}}
    configure(CACHES=lazy)
    assert "trundle.E007" not in found(deploy=True)


def test_a_chain_of_a_chain(configure, tmp_path) -> None:
    files = {**FILES, "LOCATION": str(tmp_path)}
    inner = {"BACKEND": CHAIN, "LOCATION": ["middle", "last"]}
    configure(
        CACHES={**settings(["first", "inner"]), "inner": inner, "middle": {**LOCMEM, "LOCATION": "m"}, "last": files}
    )
    caches["default"].set("key", [1])
    caches["first"].clear()
    assert caches["default"].get("key") == [1]
    assert caches["inner"].counters().hits == {"middle": 1, "last": 0}
    assert "trundle.E007" not in found()


def test_w003_a_last_cache_that_processes_do_not_share(configure) -> None:
    configure(CACHES={**settings(["last", "first"])})
    assert "trundle.W003" not in found()
    assert "The last cache of CACHES['default'] is in the memory of each process" in found(deploy=True)["trundle.W003"]
    configure(CACHES=settings())
    assert "trundle.W003" not in found(deploy=True)
