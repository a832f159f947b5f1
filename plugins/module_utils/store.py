# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store of static files, named by a URL. Bytes move through obstore, boto3 signs in."""

from __future__ import annotations

import posixpath
import re
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback, missing_required_lib

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_errors import Target, cause, is_final

try:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError
    from obstore.store import S3Store

    OBSTORE_ERROR = None
except ImportError:
    OBSTORE_ERROR = traceback.format_exc()

try:
    import boto3
    from botocore.configprovider import ConfiguredEndpointProvider
    from botocore.exceptions import BotoCoreError

    BOTO3_ERROR = None
except ImportError:
    BOTO3_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Credential

# A listing answers with at most so many objects per request.
PAGE = 1000
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')


class ObjectExistsError(TrundleError):
    """A create-only write met an object that is there already."""


class FinalError(TrundleError):
    """A failure that all further requests would share: wrong keys, bucket, region or address."""


@dataclass(frozen=True)
class StoreOptions:
    """How to reach a store; None is left to boto3's chain."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    retries: int = 5

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> StoreOptions:
        return cls(**{name: params[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Location:
    """A parsed store URL: s3://bucket/prefix."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{posixpath.join(self.bucket, self.prefix)}"


@dataclass(frozen=True)
class Stored:
    """An object as a listing tells it; md5 is None where the ETag is not the MD5 of the content."""

    size: int
    md5: str | None


@dataclass(frozen=True)
class Listing:
    """Those of the names asked for that exist, and how many requests it took to know."""

    objects: Mapping[str, Stored]
    requests: int


@dataclass(frozen=True)
class Headers:
    """An object as a HEAD request tells it."""

    size: int
    content_type: str | None
    cache_control: str | None
    content_encoding: str | None


def store_argument_spec() -> dict[str, Any]:
    """The options that every module which speaks to a store has; fragment: trundle.django.store."""
    return {
        "store": {"type": "str", "required": True},
        "region": {"type": "str", "aliases": ["aws_region"]},
        "profile": {"type": "str", "aliases": ["aws_profile"]},
        "endpoint_url": {
            "type": "str",
            "aliases": ["aws_endpoint_url"],
            "fallback": (env_fallback, ["AWS_URL"]),
        },
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


class Store:
    """Objects below one prefix. Names are relative to it; every method raises TrundleError."""

    def __init__(self, location: Location, target: Target, handle: ObjectStore) -> None:
        self.location = location
        self._target = target
        self._handle = handle

    def url(self, name: str) -> str:
        return posixpath.join(self.location.url, name)

    def check_access(self) -> None:
        """Ask for the first page of the listing: the cheapest request that meets a wrong bucket, key or address."""
        with self._explained("list", self.location.url):
            next(iter(obstore.list(self._handle, chunk_size=1)), None)

    def find(self, names: Collection[str]) -> Listing:
        """Look for these names in one listing of the prefix.

        Only they are kept: memory grows with the release, not with the bucket. The prefix is a
        folder: `static` does not match `static-old/`.
        """
        wanted = frozenset(names)
        found: dict[str, Stored] = {}
        seen = 0
        with self._explained("list", self.location.url):
            for page in obstore.list(self._handle, chunk_size=PAGE):
                seen += len(page)
                for meta in page:
                    if meta["path"] in wanted:
                        found[meta["path"]] = Stored(meta["size"], _md5(meta["e_tag"]))
        return Listing(found, max(1, -(-seen // PAGE)))

    def get(self, name: str) -> bytes | None:
        """The bytes of a small object, or None where there is none."""
        with self._explained("read", self.url(name)):
            try:
                return bytes(obstore.get(self._handle, name).bytes())
            except FileNotFoundError as exc:
                self._check_bucket(exc)
        return None

    def head(self, name: str) -> Headers | None:
        """Size and headers of an object, or None where there is none."""
        with self._explained("read the headers of", self.url(name)):
            try:
                answer = obstore.get(self._handle, name, options={"head": True})
            except FileNotFoundError as exc:
                self._check_bucket(exc)
                return None
            attributes = {key.lower(): value for key, value in answer.attributes.items()}
            return Headers(
                size=answer.meta["size"],
                content_type=attributes.get("content-type"),
                cache_control=attributes.get("cache-control"),
                content_encoding=attributes.get("content-encoding"),
            )

    def put(self, name: str, data: bytes | Path, headers: Mapping[str, str], *, create_only: bool = False) -> None:
        """Write an object whole or not at all; create_only raises ObjectExistsError where it is there."""
        with self._explained("upload", self.url(name)):
            obstore.put(
                self._handle,
                name,
                data,
                attributes=dict(headers),
                mode="create" if create_only else "overwrite",
                use_multipart=False if isinstance(data, bytes) else None,
                max_concurrency=4,
            )

    def _check_bucket(self, exc: FileNotFoundError) -> None:
        """A missing bucket comes as a missing object; only the latter is an answer."""
        if is_final(str(exc)):
            raise exc

    @contextmanager
    def _explained(self, verb: str, what: str) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError as exc:
            raise ObjectExistsError(f"Failed to {verb} {what}: it exists already.") from exc
        except (BaseError, OSError, ValueError) as exc:
            text = str(exc)
            kind = FinalError if is_final(text) else TrundleError
            raise kind(f"Failed to {verb} {what}: {cause(text, self._target)}.") from None


def parse_url(url: str) -> Location:
    """Read a store's URL, or say what one looks like."""
    parts = urlsplit(url)
    if parts.scheme not in _OPENERS:
        supported = ", ".join(f"{scheme}://" for scheme in _OPENERS)
        raise TrundleError(
            f"The store '{_without_password(url)}' is not supported: its URL must start with {supported}."
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
    if OBSTORE_ERROR is not None:
        hint = " It needs Python 3.11 or newer." if sys.version_info < (3, 11) else ""
        raise TrundleError(missing_required_lib("obstore") + hint, exception=OBSTORE_ERROR)
    return _OPENERS[location.scheme](location, options)


def _open_s3(location: Location, options: StoreOptions) -> Store:
    if BOTO3_ERROR is not None:
        raise TrundleError(missing_required_lib("boto3"), exception=BOTO3_ERROR)
    try:
        session = boto3.Session(
            profile_name=options.profile,
            region_name=options.region,
            aws_access_key_id=options.access_key,
            aws_secret_access_key=options.secret_key,
            aws_session_token=options.session_token,
        )
        endpoint = check_endpoint(options.endpoint_url or _configured_endpoint(session))
        provider = BotoCredentials(session)
    except BotoCoreError as exc:
        # botocore's messages name profiles and files, never keys.
        raise TrundleError(f"Failed to sign in to {location.url}: {exc}.") from exc
    region = session.region_name or "us-east-1"
    handle = S3Store(
        location.bucket,
        prefix=location.prefix or None,
        region=region,
        credential_provider=provider,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        retry_config={"max_retries": max(0, options.retries), "retry_timeout": timedelta(minutes=3)},
        # A server of one's own rarely has a name per bucket; a dot in the name breaks the certificate's wildcard.
        virtual_hosted_style_request=endpoint is None and "." not in location.bucket,
        config={"endpoint": endpoint} if endpoint else None,
    )
    return Store(location, Target(location.bucket, endpoint or f"Amazon S3 ({region})", region), handle)


class BotoCredentials:
    """Hands boto3's credentials to obstore, fresh ones during long uploads."""

    # botocore renews credentials that expire within ten minutes, so what it hands out lasts as long.
    TTL = timedelta(minutes=10)

    def __init__(self, session: boto3.Session) -> None:
        credentials = session.get_credentials()
        if credentials is None:
            raise TrundleError(
                "No AWS credentials found: give access_key and secret_key or a profile, set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or give the host an instance role."
            )
        self._credentials = credentials

    def __call__(self) -> S3Credential:
        frozen = self._credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key or "",
            "secret_access_key": frozen.secret_key or "",
            "token": frozen.token,
            "expires_at": datetime.now(timezone.utc) + self.TTL,
        }


def check_endpoint(url: str | None) -> str | None:
    """Refuse what obstore would stumble over in the middle of a request."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or parts.username or re.search(r"[^\x21-\x7e]", url):
        raise TrundleError(
            f"The endpoint_url '{_without_password(url)}' is not valid: it looks like https://s3.example.com:9000."
        )
    return url.rstrip("/")


def _configured_endpoint(session: boto3.Session) -> str | None:
    """The endpoint that AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or the profile names."""
    inner = session._session  # pylint: disable=protected-access
    provider = ConfiguredEndpointProvider(
        full_config=inner.full_config, scoped_config=inner.get_scoped_config(), client_name="s3"
    )
    endpoint = provider.provide()
    return str(endpoint) if endpoint else None


def _md5(etag: str | None) -> str | None:
    """The MD5 that an ETag is, except for multipart uploads and some encryption."""
    found = _MD5.fullmatch(etag or "")
    return found.group(1) if found else None


def _without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)


_OPENERS = {"s3": _open_s3}
