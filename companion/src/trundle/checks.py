# SPDX-License-Identifier: BSD-3-Clause
"""System checks: what can be seen to be wrong at start. Run by `manage.py check`, also alone with `--tag trundle`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.urls import NoReverseMatch, reverse

from trundle.cache.conf import chain_problem, chains, last_cache
from trundle.errors import ReleaseError
from trundle.health.conf import read_config
from trundle.health.drain import read_draining, state_path
from trundle.release import env_release_id
from trundle.storage import ReleaseStaticFilesStorage

# Not the tag `staticfiles`: collectstatic runs those checks, and it needs no release.
TAG = "trundle"


def _static_storage() -> Any | None:
    """None where there is none, or where it cannot be made, which is an error of its own."""
    if not apps.is_installed("django.contrib.staticfiles"):
        return None
    try:
        return storages["staticfiles"]
    except Exception:
        return None


@register(TAG)
def check_storage_can_be_made(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not apps.is_installed("django.contrib.staticfiles"):
        return []
    try:
        storages["staticfiles"]
    except Exception as exc:
        hint = "Correct its BACKEND and OPTIONS. ReleaseStaticFilesStorage takes manifest, base_url, strict, preload."
        return [Error(f"STORAGES['staticfiles'] cannot be made: {exc}.", hint=hint, id="trundle.E008")]
    return []


@register(TAG)
def check_environment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    try:
        env_release_id()
    except ReleaseError as exc:
        messages.append(Error(str(exc), id="trundle.E002"))
    folder = os.environ.get("TRUNDLE_RELEASE_DIR")
    if folder and not Path(folder).is_dir():
        hint = "Set it to the folder that holds the release's staticfiles.json, or unset it."
        messages.append(Error(f"TRUNDLE_RELEASE_DIR is {folder!r}, which is no folder.", hint=hint, id="trundle.E003"))
    return messages


@register(TAG)
def check_manifest(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The release can be read. In development it is not used, and a wrong TRUNDLE_RELEASE has an error of its own."""
    storage = _static_storage()
    if settings.DEBUG or not isinstance(storage, ReleaseStaticFilesStorage):
        return []
    try:
        env_release_id()
    except ReleaseError:
        return []
    if storage.problem is None:
        return []
    return [Error(storage.problem, id="trundle.E001")]


@register(TAG)
def check_state(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path = state_path()
    if path is None:
        return []
    if not path.parent.is_dir():
        hint = "Set it to the folder that holds `releases` and state.json, or unset it."
        return [Error(f"TRUNDLE_ROOT is {str(path.parent)!r}, which is no folder.", hint=hint, id="trundle.E004")]
    try:
        read_draining(path)
    except ReleaseError as exc:
        return [Error(str(exc), id="trundle.E005")]
    return []


@register(TAG, deploy=True)
def check_root_is_known(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if state_path() is not None or not os.environ.get("TRUNDLE_RELEASE"):
        return []
    text = "This process belongs to a release, but TRUNDLE_ROOT is not set, so a drain mark is never seen."
    hint = "Set TRUNDLE_ROOT to the folder that holds `releases` and state.json."
    return [Warning(text, hint=hint, id="trundle.W005")]


@register(TAG)
def check_health(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    try:
        read_config()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="trundle.E006")]
    return []


@register(TAG, deploy=True)
def check_health_is_not_redirected(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Probes ask a process itself, over HTTP: a redirect to HTTPS is no answer to them."""
    if not settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER:
        return []
    try:
        path = reverse("trundle_health:ready").lstrip("/")
    except (NoReverseMatch, ImproperlyConfigured):
        return []
    if any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT):
        return []
    folder = path[: -len("ready/")]
    return [
        Warning(
            f"SECURE_SSL_REDIRECT redirects the health views under /{folder} for whoever asks over HTTP.",
            hint=f"Set SECURE_PROXY_SSL_HEADER, or add '^{re.escape(folder)}' to SECURE_REDIRECT_EXEMPT.",
            id="trundle.W004",
        )
    ]


@register(TAG)
def check_caches(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found = {alias: chain_problem(settings.CACHES, alias) for alias in chains(settings.CACHES)}
    return [
        Error(f"CACHES[{alias!r}] is wrong. {problem}", id="trundle.E007")
        for alias, problem in found.items()
        if problem
    ]


@register(TAG, deploy=True)
def check_last_cache(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The last cache decides, so all processes must have the same one."""
    messages: list[CheckMessage] = []
    for alias in chains(settings.CACHES):
        if chain_problem(settings.CACHES, alias) or not isinstance(last_cache(settings.CACHES, alias), LocMemCache):
            continue
        text = f"The last cache of CACHES[{alias!r}] is in the memory of each process, so processes will disagree."
        hint = "Put a cache that all processes share at the end of the chain, such as Redis or Memcached."
        messages.append(Warning(text, hint=hint, id="trundle.W003"))
    return messages


@register(TAG)
def check_storage_class(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A release's assets are published under the names of its manifest: a storage that reads none names others."""
    released = os.environ.get("TRUNDLE_RELEASE") or os.environ.get("TRUNDLE_RELEASE_DIR")
    storage = _static_storage()
    if not released or storage is None or isinstance(storage, ManifestFilesMixin):
        return []
    return [
        Warning(
            f"This process belongs to a release, but {type(storage).__name__} reads no static files manifest.",
            hint="Set STORAGES['staticfiles']['BACKEND'] to 'trundle.storage.ReleaseStaticFilesStorage'.",
            id="trundle.W001",
        )
    ]


@register(TAG)
def check_manifest_is_of_the_folder(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An option with a fixed path would give all releases of a host one manifest."""
    folder, storage = os.environ.get("TRUNDLE_RELEASE_DIR"), _static_storage()
    if settings.DEBUG or not folder or not isinstance(storage, ReleaseStaticFilesStorage) or storage.problem:
        return []
    release = storage.release
    if release is None or release.manifest.resolve().parent == Path(folder).resolve():
        return []
    return [
        Warning(
            f"The static files manifest is {release.manifest}, but the release of this process is in {folder}.",
            hint="Leave the option `manifest` out: it is then looked for in TRUNDLE_RELEASE_DIR.",
            id="trundle.W006",
        )
    ]


@register(TAG, deploy=True)
def check_release_found(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    storage = _static_storage()
    if settings.DEBUG or not isinstance(storage, ReleaseStaticFilesStorage):
        return []
    if storage.problem is not None or storage.release is not None:
        return []
    return [
        Warning(
            "DEBUG is off and no release is found, so static files get the names of their sources.",
            hint="Set TRUNDLE_RELEASE_DIR to the release's folder, or put staticfiles.json beside the project.",
            id="trundle.W002",
        )
    ]
