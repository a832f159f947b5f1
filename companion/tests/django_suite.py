# SPDX-License-Identifier: BSD-3-Clause
"""Run the cache tests of Django's own source distribution on a chain: django_suite.py KIND LOCATION RESULT

KIND names the last cache. The folder `tests` of Django's source must be on sys.path; nothing of it is in this project.
The result is JSON: how many tests ran, which were skipped, and what failed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import unittest
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

LAST = {
    "filebased": "django.core.cache.backends.filebased.FileBasedCache",
    "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
}
# A chain holds no entries of its own that it could throw out: its caches do, as it is with Redis and Memcached.
EXCLUDED = {"cull", "zero_cull"}


def configure(kind: str, location: str) -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY=f"of process {os.getpid()}",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["cache", "trundle"],
        USE_TZ=True,
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "first": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "first"},
            "last": {"BACKEND": LAST[kind], "LOCATION": location},
        },
    )
    django.setup()


def after_a_tick(test: Callable[[Any], None], location: str) -> Callable[[Any], None]:
    """The test, begun when the clock of this Memcached has just ticked."""
    from pymemcache.client.base import Client

    def begun(self: Any) -> None:
        client = Client(location)
        before = client.stats()[b"uptime"]
        while client.stats()[b"uptime"] == before:
            time.sleep(0.01)
        test(self)

    return begun


def suite(kind: str, location: str) -> unittest.TestSuite:
    from cache import tests
    from django.conf import settings
    from django.test import TestCase, override_settings

    chains = tests.caches_setting_for_tests(
        BACKEND="trundle.cache.ChainedCache", LOCATION=["first", "last"], exclude=EXCLUDED
    )
    levels = {name: settings.CACHES[name] for name in ("first", "last")}

    @override_settings(CACHES={**chains, **levels})
    class ChainTests(tests.BaseCacheTests, TestCase):
        @property
        def incr_decr_type_error(self) -> type[Exception]:
            """What the last cache alone would raise."""
            if kind == "redis":
                import redis

                return redis.ResponseError
            if kind == "memcached":
                import pymemcache

                return pymemcache.exceptions.MemcacheClientError
            return TypeError

    if kind == "memcached":
        # Django's own tests for it expect errors instead of warnings.
        for name in ("_perform_invalid_key_test", "test_invalid_with_version_key_length"):
            setattr(ChainTests, name, getattr(tests.BaseMemcachedTests, name))
        # It sets a value for one second and touches it at once. Memcached's clock ticks once a second: just before
        # a tick such a value is gone after a moment.
        name = "test_forever_timeout"
        setattr(ChainTests, name, after_a_tick(getattr(ChainTests, name), location))
    return unittest.defaultTestLoader.loadTestsFromTestCase(ChainTests)


def main(kind: str, location: str, result_path: str) -> None:
    configure(kind, location)
    from django.test.runner import DiscoverRunner

    warnings.simplefilter("error")

    class Runner(DiscoverRunner):
        def run_suite(self, suite: unittest.TestSuite, **kwargs: Any) -> Any:
            self.result = super().run_suite(suite, **kwargs)
            return self.result

        def build_suite(self, *args: Any, **kwargs: Any) -> unittest.TestSuite:
            return suite(kind, location)

    runner = Runner(verbosity=1, interactive=False)
    runner.run_tests([])
    result = runner.result
    report = {
        "run": result.testsRun,
        "skipped": {test.id().rpartition(".")[2]: why for test, why in result.skipped},
        "failed": [f"{test.id()}\n{text}" for test, text in [*result.failures, *result.errors]],
    }
    Path(result_path).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
