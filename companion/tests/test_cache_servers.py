# SPDX-License-Identifier: BSD-3-Clause
"""Real servers that go away and come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import caches

from trundle.cache import levels

import cache_servers


def settings(memcached: int, redis_port: int, **options: Any) -> dict[str, Any]:
    default = {"BACKEND": "trundle.cache.ChainedCache", "LOCATION": ["local", "near", "far"], "OPTIONS": options}
    near = {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"127.0.0.1:{memcached}",
        # Asked again at once, not after a minute.
        "OPTIONS": {"dead_timeout": 0, "retry_attempts": 0},
    }
    far = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{redis_port}"}
    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": f"local-{redis_port}"}
    return {"default": default, "local": local, "near": near, "far": far}


@pytest.mark.parametrize("strict", [True, False])
def test_servers_that_go_away_and_come_back(
    configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strict: bool
) -> None:
    monkeypatch.setattr(levels, "_shared", {})
    memcached, redis_port = cache_servers.free_port(), cache_servers.free_port()
    configure(CACHES=settings(memcached, redis_port, strict=strict))
    cache = caches["default"]
    with cache_servers.running("redis-server", tmp_path, redis_port):
        with cache_servers.running("memcached", tmp_path, memcached):
            cache.set_many({"key": {"a": None}, "number": 7}, 60)
            caches["local"].clear()
            assert cache.get_many(["key", "number"]) == {"key": {"a": None}, "number": 7}
            assert cache.counters().hits == {"local": 0, "near": 2, "far": 0}
            assert cache.incr("number") == 8
        # The one in the middle is gone: slower, but nothing else.
        caches["local"].clear()
        assert cache.get("key") == {"a": None}
        assert cache.get("number") == 8
        assert cache.add("added", 1) is True
        assert cache.delete("added") is True
        with cache_servers.running("memcached", tmp_path, memcached):
            caches["local"].clear()
            assert cache.get("key") == {"a": None}
    # The last one is gone: copies are served, for as long as they live.
    assert cache.get("key") == {"a": None}
    if strict:
        with pytest.raises(redis.ConnectionError):
            cache.get("number")
        with pytest.raises(redis.ConnectionError):
            cache.set("key", "new")
    else:
        assert cache.get("number", "none") == "none"
        assert cache.add("key", "new") is False
        assert cache.set_many({"key": "new"}) == ["key"]
    caches["local"].clear()
    with cache_servers.running("redis-server", tmp_path, redis_port):
        assert cache.get("key", "empty again") == "empty again"
        cache.set("key", "new")
        assert cache.get("key") == "new"
    caches.close_all()
