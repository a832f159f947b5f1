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
from ansible_collections.trundle.django.plugins.module_utils.store_objects import without_password
from ansible_collections.trundle.django.plugins.module_utils.store_s3 import open_s3
from ansible_collections.trundle.django.plugins.module_utils.store_types import (
    FinalError,
    Headers,
    Listing,
    Location,
    ObjectExistsError,
    Store,
    Stored,
    StoreOptions,
)

__all__ = [
    "STORE_RULES",
    "FinalError",
    "Headers",
    "Listing",
    "Location",
    "ObjectExistsError",
    "Store",
    "StoreOptions",
    "Stored",
    "open_store",
    "parse_url",
    "store_argument_spec",
]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


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
        "retries": {"type": "int", "default": 5},
    }


# Keys are given as a pair, and never beside a profile: which of the two would win is a guess.
STORE_RULES: dict[str, Any] = {
    "required_together": [("access_key", "secret_key")],
    "mutually_exclusive": [("profile", "access_key"), ("profile", "session_token")],
    "required_by": {"session_token": ("access_key", "secret_key")},
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
        raise TrundleError("The store's URL names a bucket and a prefix only; give keys by access_key and secret_key.")
    prefix = parts.path.strip("/")
    if any(part in ("", ".", "..") for part in prefix.split("/")) and prefix:
        raise TrundleError(f"The store's prefix '{prefix}' has an empty, '.' or '..' part; correct the store's URL.")
    if not _BUCKET.fullmatch(parts.netloc):
        raise TrundleError(f"The store '{url}' names no valid bucket: it looks like {parts.scheme}://bucket/prefix.")
    return Location(parts.scheme, parts.netloc, prefix)


def open_store(url: str, options: StoreOptions) -> Store:
    """Sign in to the store of this URL; no request is sent yet, except for what signing in takes."""
    location = parse_url(url)
    return _OPENERS[location.scheme](location, options)


_OPENERS: dict[str, Callable[[Location, StoreOptions], Store]] = {"s3": open_s3}
