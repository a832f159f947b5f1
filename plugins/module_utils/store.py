# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of static files, named by a URL; each kind of store has a file of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_file import open_file
from ansible_collections.trundle.django.plugins.module_utils.store_objects import without_password
from ansible_collections.trundle.django.plugins.module_utils.store_types import (
    FinalError,
    Headers,
    Listing,
    Location,
    ObjectChangedError,
    ObjectExistsError,
    Store,
    Stored,
    StoreOptions,
    ThrottledError,
    Version,
)

__all__ = [
    "STORE_RULES",
    "FinalError",
    "Headers",
    "Listing",
    "Location",
    "ObjectChangedError",
    "ObjectExistsError",
    "Store",
    "StoreOptions",
    "Stored",
    "ThrottledError",
    "Version",
    "open_store",
    "parse_url",
    "store_argument_spec",
]

# What follows the two slashes, without the prefix; of file:// it is all of the path. Nothing there has to be quoted in
# a URL, nor in the configuration of a web server.
_PLACES = {
    "s3": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}"),
    "az": re.compile(r"[$]web|[a-z0-9](-?[a-z0-9]){2,62}"),
    "file": re.compile(r"(/[A-Za-z0-9._+@=,~-]+)+/?"),
}
_LOOKS = {
    "s3": "bucket: it looks like s3://bucket/prefix",
    "az": "container: it looks like az://container/prefix",
    "file": "folder: it looks like file:///mnt/static, with three slashes, and its names have only letters, digits and "
    "._+@=,~-",
}


def store_argument_spec() -> dict[str, Any]:
    """The options that every module which speaks to a store has; fragment: trundle.django.store."""
    return {
        "store": {"type": "str", "required": True},
        "region": {"type": "str", "aliases": ["aws_region"]},
        "profile": {"type": "str", "aliases": ["aws_profile"]},
        "endpoint_url": {"type": "str", "aliases": ["aws_endpoint_url"]},
        "access_key": {"type": "str", "aliases": ["aws_access_key_id", "aws_access_key"], "no_log": True},
        "secret_key": {"type": "str", "aliases": ["aws_secret_access_key", "aws_secret_key"], "no_log": True},
        "session_token": {"type": "str", "aliases": ["aws_session_token"], "no_log": True},
        "addressing_style": {"type": "str", "choices": ["auto", "path", "virtual"], "default": "auto"},
        "checksum_algorithm": {"type": "str", "choices": ["auto", "sha256", "none"], "default": "auto"},
        "encryption_mode": {"type": "str", "choices": ["AES256", "aws:kms"]},
        "encryption_kms_key_id": {"type": "str"},
        "account": {"type": "str", "aliases": ["storage_account_name", "storage_account", "account_name"]},
        "account_key": {"type": "str", "no_log": True},
        "sas_token": {"type": "str", "no_log": True},
        "tenant": {"type": "str", "aliases": ["tenant_id"]},
        "client_id": {"type": "str"},
        "secret": {"type": "str", "aliases": ["client_secret"], "no_log": True},
        "retries": {"type": "int", "default": 5},
    }


# Keys are given as a pair, and never beside a profile: which of the two would win is a guess.
STORE_RULES: dict[str, Any] = {
    "required_together": [("access_key", "secret_key")],
    "mutually_exclusive": [
        ("profile", "access_key"),
        ("profile", "session_token"),
        ("account_key", "sas_token", "client_id"),
    ],
    "required_by": {
        "session_token": ("access_key", "secret_key"),
        "encryption_kms_key_id": ("encryption_mode",),
        "secret": ("client_id", "tenant"),
    },
}


def parse_url(url: str) -> Location:
    """Read a store's URL, or say what one looks like."""
    parts = urlsplit(url)
    if parts.scheme not in _OPENERS:
        supported = ", ".join(f"{scheme}://" for scheme in _OPENERS)
        raise TrundleError(
            f"The store '{without_password(url)}' is not supported: its URL must start with {supported}."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise TrundleError(
            "The store's URL names a bucket or container and a prefix only; give keys by access_key and secret_key, or "
            "account_key."
        )
    prefix = parts.path.strip("/")
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise TrundleError(f"The store's prefix '{prefix}' has an empty, '.' or '..' part; correct the store's URL.")
    if not _PLACES[parts.scheme].fullmatch(f"{parts.netloc}{parts.path}" if parts.scheme == "file" else parts.netloc):
        raise TrundleError(f"The store '{url}' names no valid {_LOOKS[parts.scheme]}.")
    return Location(parts.scheme, parts.netloc, prefix)


def open_store(url: str, options: StoreOptions) -> Store:
    """Sign in to the store of this URL; no request is sent yet, except for what signing in takes."""
    location = parse_url(url)
    return _OPENERS[location.scheme](location, options)


# What signing in to one kind of store takes is not loaded for another kind: for Azure alone as long as all the rest.


def _open_s3(location: Location, options: StoreOptions) -> Store:
    from ansible_collections.trundle.django.plugins.module_utils.store_s3 import open_s3

    return open_s3(location, options)


def _open_azure(location: Location, options: StoreOptions) -> Store:
    from ansible_collections.trundle.django.plugins.module_utils.store_azure import open_azure

    return open_azure(location, options)


_OPENERS: dict[str, Callable[[Location, StoreOptions], Store]] = {
    "s3": _open_s3,
    "az": _open_azure,
    "file": open_file,
}
