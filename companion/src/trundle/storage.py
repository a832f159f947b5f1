# SPDX-License-Identifier: BSD-3-Clause
"""A static files storage that reads the manifest of its own release from the local disk."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

from trundle.errors import ReleaseError, UnknownNameError
from trundle.release import Release, find_manifest, load_release

logger = logging.getLogger("trundle.storage")

PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-][A-Za-z0-9_./-]*")
# What stays as it is when it is quoted and joined: no segment begins with a dot.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
PLAIN_BASE = re.compile(r"(?:https?://[A-Za-z0-9.:-]+)?/(?:[A-Za-z0-9_-][A-Za-z0-9_.-]*/)*")


class ReleaseStaticFilesStorage(ManifestStaticFilesStorage):
    """Django's manifest storage; only where the manifest and the base URL come from differs.

    Collecting with it gives exactly Django's names, and needs no release to exist. So a release that cannot be read
    is an error when a URL is asked for, not when the storage is made.

    Options: `manifest` (path of the manifest), `strict` (False: a name that is not in the manifest is kept as it is),
    `base_url`, `preload` (read at start; needs "trundle" in INSTALLED_APPS) and all of Django's own.
    """

    def __init__(
        self,
        location: str | os.PathLike[str] | None = None,
        base_url: str | None = None,
        *args: Any,
        manifest: str | os.PathLike[str] | None = None,
        strict: bool | None = None,
        preload: bool = False,
        **kwargs: Any,
    ) -> None:
        self.preload = preload
        self._manifest_option = manifest
        self._base_url_given = base_url is not None
        self._release: Release | None = None
        self.problem: str | None = None
        """Why the release cannot be used, and what to do about it."""
        self._collected = False
        super().__init__(location, base_url, *args, **kwargs)
        if strict is not None:
            self.manifest_strict = strict

    @property
    def release(self) -> Release | None:
        """The release whose manifest is used; None when there is none. Raises ReleaseError when it is unusable."""
        if self.problem is not None:
            raise ReleaseError(self.problem)
        return self._release

    def load_manifest(self) -> Any:
        try:
            path = find_manifest(self._manifest_option, self.manifest_name)
            self._release = None if path is None else load_release(path)
        except ReleaseError as exc:
            self.problem = str(exc)
        if self._release is None:
            return {}, ""
        return self._release.paths, self._release.hash

    # A property, not Django's cached one: DEBUG may change in tests.
    @property
    def base_url(self) -> str:
        release = self._release
        if release is None or release.static_url is None or self._base_url_given or settings.DEBUG:
            return super().base_url
        return release.static_url if release.static_url.endswith("/") else release.static_url + "/"

    def url(self, name: str | None, force: bool = False) -> str:
        """As Django's, which takes every name apart and puts it together again: nearly none needs that."""
        if self._release is not None and name and PLAIN_PATH.fullmatch(name) and not settings.DEBUG:
            stored, base = self.stored_name(name), self.base_url
            if PLAIN_PATH.fullmatch(stored) and PLAIN_BASE.fullmatch(base):
                return base + stored
        return super().url(name or "", force)

    def stored_name(self, name: str) -> str:
        if self._collected:
            return super().stored_name(name)
        release = self.release
        if release is None:
            return name
        # Nearly every name: nothing in it that Django's way would take apart and put together again.
        if PLAIN_NAME.fullmatch(name):
            hashed = self.hashed_files.get(self.hash_key(name))
            if hashed is not None:
                return str(hashed)
        key = self.hash_key(self.clean_name(urlsplit(unquote(name)).path.strip()))
        if key in self.hashed_files:
            return super().stored_name(name)
        if self.manifest_strict:
            raise UnknownNameError(
                f"{key!r} is not in the static files manifest {release.manifest} of release"
                f" {release.id or 'without an id'}. Correct the name, or collect and publish a release that has the"
                " file. The option `strict: False` keeps such names as they are."
            )
        # Django's own leniency would look for the file in STATIC_ROOT, which a web host does not have.
        logger.warning("%r is not in the static files manifest %s; the name is kept", key, release.manifest)
        return name

    def post_process(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        # From here on this storage answers for what it collects, not for the release that it may have found.
        self._release = self.problem = None
        self._collected = True
        yield from super().post_process(*args, **kwargs)
