# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all kinds of stores have in common: their options, what they answer, and what can be asked of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError


class ObjectExistsError(TrundleError):
    """A create-only write met an object that is there already."""


class ObjectChangedError(TrundleError):
    """A write that replaces one version of an object met another one, or none."""


class FinalError(TrundleError):
    """A failure that all further requests would share: wrong keys, bucket, region or address."""


class ThrottledError(TrundleError):
    """The store asks for fewer requests at a time, still after all retries."""


@dataclass(frozen=True)
class StoreOptions:
    """How to reach a store; None is left to what the kind of store does by itself."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    addressing_style: str = "auto"
    checksum_algorithm: str = "auto"
    encryption_mode: str | None = None
    encryption_kms_key_id: str | None = None
    account: str | None = None
    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)
    tenant: str | None = None
    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    retries: int = 5

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> StoreOptions:
        return cls(**{name: params[name] for name in cls.__dataclass_fields__ if name in params})


@dataclass(frozen=True)
class Location:
    """A parsed store URL; the bucket of az:// is a container, and file:// has none: there the prefix is the path."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.prefix}".removesuffix("/")


@dataclass(frozen=True)
class Stored:
    """An object as a listing tells it; md5 is None where the ETag is not the MD5 of the content."""

    size: int
    md5: str | None
    modified: datetime | None = None


@dataclass(frozen=True)
class Listing:
    """Those of the names asked for that exist, and how many requests it took to know."""

    objects: Mapping[str, Stored]
    requests: int


@dataclass(frozen=True)
class Version:
    """An object that was read: what a conditional write must name, and when it was written, by the store's clock."""

    data: bytes
    e_tag: str
    modified: datetime


@dataclass(frozen=True)
class Headers:
    """An object as a HEAD request tells it; md5 as in a listing."""

    size: int
    content_type: str | None
    cache_control: str | None
    content_encoding: str | None
    md5: str | None = None


class Store(ABC):
    """Objects below one prefix. Names are relative to it; every method raises TrundleError."""

    # Whether an object carries its headers; where not, the web server in front gives them.
    keeps_headers = True

    def __init__(self, location: Location) -> None:
        self.location = location

    def url(self, name: str) -> str:
        return f"{self.location.url}/{name}"

    @abstractmethod
    def check_access(self) -> None:
        """Find out, as cheaply as can be, whether the store is there and lets these credentials in."""

    @abstractmethod
    def find(self, names: Collection[str], *, folder: str | None = None) -> Listing:
        """Look for these names, and for all below a folder such as a/, in one listing of the prefix.

        Only they are kept: memory grows with the release, not with the store. The prefix is a
        folder: `static` does not match `static-old/`.
        """

    @abstractmethod
    def iterate(self) -> Iterator[tuple[str, Stored]]:
        """All objects below the prefix, as they are listed, so that memory does not grow with their number."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """The bytes of a small object, or None where there is none."""

    @abstractmethod
    def download(self, name: str, path: Path) -> None:
        """Write the bytes of an object of any size to a local file; it is an error where there is none."""

    @abstractmethod
    def get_version(self, name: str) -> Version | None:
        """A small object as it is now, or None where there is none."""

    @abstractmethod
    def replace(self, name: str, data: bytes, headers: Mapping[str, str], *, e_tag: str) -> None:
        """Write over this version of an object; raises ObjectChangedError where it is another one by now."""

    @abstractmethod
    def head(self, name: str) -> Headers | None:
        """Size and headers of an object, or None where there is none."""

    @abstractmethod
    def put(self, name: str, data: bytes | Path, headers: Mapping[str, str], *, create_only: bool = False) -> None:
        """Write an object whole or not at all; create_only raises ObjectExistsError where it is there."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Delete these objects, many by one request where the store can; those that are not there do not matter."""
