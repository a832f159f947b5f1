# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""s3://bucket/prefix: Amazon S3 and servers that speak it. boto3 signs in, where keys alone do not."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_errors import Target
from ansible_collections.trundle.django.plugins.module_utils.store_objects import (
    Kind,
    ObjectStore,
    check_endpoint,
    require_obstore,
)
from ansible_collections.trundle.django.plugins.module_utils.store_types import Location, StoreOptions

with suppress(ImportError):
    # Its absence is told by require_obstore.
    from obstore.store import S3Store

if TYPE_CHECKING:
    import boto3
    from obstore import ObjectMeta
    from obstore.store import S3Config, S3Credential

Style = Literal["path", "virtual"]

# A listing answers with at most so many objects per request.
PAGE = 1000
# A listing is as slow as its requests, one after the other, are; with three parts at most two are added.
RANGES = 3
REGION = "us-east-1"
# Where boto3 looks for what is not given: a variable that names the file, and the file that it is without it.
_CONFIG_FILES = (("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))


@dataclass(frozen=True)
class SignedIn:
    """Where and as whom requests are sent."""

    region: str
    endpoint: str | None
    provider: Callable[[], S3Credential]


def open_s3(location: Location, options: StoreOptions) -> ObjectStore:
    require_obstore()
    signed_in = _with_keys(options) or _with_boto3(location, options)
    region, endpoint, provider = signed_in.region, signed_in.endpoint, signed_in.provider
    style = _addressing_style(location, options, endpoint)
    handle = S3Store(
        location.bucket,
        prefix=location.prefix or None,
        region=region,
        credential_provider=provider,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        retry_config={"max_retries": max(0, options.retries), "retry_timeout": timedelta(minutes=3)},
        virtual_hosted_style_request=style == "virtual",
        config=object_config(location, options, endpoint=endpoint, style=style),
    )
    target = Target(location.bucket, endpoint or f"Amazon S3 ({region})", region)
    # With a key of KMS the ETag looks like an MD5 and is none.
    plain = options.encryption_mode != "aws:kms"
    rest = BotoListing(location, options, endpoint=endpoint, region=region, style=style)
    # The listing of a directory bucket is in no order.
    ranges = 1 if location.bucket.endswith("--x-s3") else RANGES
    return ObjectStore(location, target, handle, Kind(page=PAGE, etag_is_md5=plain, ranges=ranges, rest=rest))


def _addressing_style(location: Location, options: StoreOptions, endpoint: str | None) -> Style:
    if options.addressing_style != "auto":
        return "virtual" if options.addressing_style == "virtual" else "path"
    # A server of one's own rarely has a name per bucket; a dot in the name breaks the certificate's wildcard.
    return "virtual" if endpoint is None and "." not in location.bucket else "path"


def object_config(location: Location, options: StoreOptions, *, endpoint: str | None, style: Style) -> S3Config:
    config: S3Config = {}
    if endpoint:
        scheme, host = endpoint.split("://", 1)
        config["endpoint"] = f"{scheme}://{location.bucket}.{host}" if style == "virtual" else endpoint
    # The signature covers the SHA-256 of each body, so that any server can refuse a damaged one; Amazon, and who
    # follows it, keeps the checksum beside the object too.
    if options.checksum_algorithm == "sha256" or (options.checksum_algorithm == "auto" and not endpoint):
        config["checksum_algorithm"] = "SHA256"
    if options.encryption_mode:
        config["server_side_encryption"] = options.encryption_mode
    if options.encryption_kms_key_id:
        config["sse_kms_key_id"] = options.encryption_kms_key_id
    return config


class BotoListing:
    """Lists with boto3 where obstore cannot: slower, but it takes keys such as `a//b` for what they are."""

    def __init__(
        self, location: Location, options: StoreOptions, *, endpoint: str | None, region: str, style: Style
    ) -> None:
        self._location = location
        self._options = options
        self._endpoint = endpoint
        self._region = region
        self._style = style

    def __call__(self, last: str | None) -> Iterator[Sequence[ObjectMeta]]:
        session = _session(self._options, where=self._location.url)
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        folder = f"{self._location.prefix}/" if self._location.prefix else ""
        query: dict[str, Any] = {"Bucket": self._location.bucket, "Prefix": folder}
        if last is not None:
            query["StartAfter"] = folder + last
        config = Config(s3={"addressing_style": self._style})
        try:
            client = session.client("s3", endpoint_url=self._endpoint, region_name=self._region, config=config)
            for page in client.get_paginator("list_objects_v2").paginate(**query):
                yield [
                    {
                        "path": entry["Key"].removeprefix(folder),
                        "size": entry["Size"],
                        "e_tag": entry["ETag"],
                        "last_modified": entry["LastModified"],
                        "version": None,
                    }
                    for entry in page.get("Contents", [])
                ]
        except (BotoCoreError, ClientError) as exc:
            raise TrundleError(f"Failed to list {self._location.url}: {exc}.") from exc


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


def _with_keys(options: StoreOptions) -> SignedIn | None:
    """With keys that are given there is nothing to sign in to, and boto3 takes as long to load as all the rest.

    None where it may know more than is given here: the region or the endpoint of a profile.
    """
    if not (options.access_key and options.secret_key):
        return None
    environment = os.environ
    if not (options.region and options.endpoint_url) and (
        any(Path(environment.get(name) or file).expanduser().exists() for name, file in _CONFIG_FILES)
        or {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} & environment.keys()
    ):
        return None
    names = ("AWS_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    endpoint = options.endpoint_url or next(filter(None, map(environment.get, names)), None)
    region = options.region or environment.get("AWS_DEFAULT_REGION") or REGION
    credential: S3Credential = {
        "access_key_id": options.access_key,
        "secret_access_key": options.secret_key,
        "token": options.session_token,
        "expires_at": None,
    }
    return SignedIn(region, check_endpoint(endpoint), lambda: credential)


def _with_boto3(location: Location, options: StoreOptions) -> SignedIn:
    session = _session(options, where=location.url)
    from botocore.exceptions import BotoCoreError

    try:
        endpoint = check_endpoint(options.endpoint_url or os.environ.get("AWS_URL") or _configured_endpoint(session))
        return SignedIn(session.region_name or REGION, endpoint, BotoCredentials(session))
    except BotoCoreError as exc:
        raise _refused(location.url, exc) from exc


def _session(options: StoreOptions, *, where: str) -> boto3.Session:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise TrundleError(missing_required_lib("boto3"), exception=traceback.format_exc()) from None
    try:
        return boto3.Session(
            profile_name=options.profile,
            region_name=options.region,
            aws_access_key_id=options.access_key,
            aws_secret_access_key=options.secret_key,
            aws_session_token=options.session_token,
        )
    except BotoCoreError as exc:
        raise _refused(where, exc) from exc


def _refused(where: str, exc: Exception) -> TrundleError:
    # botocore's messages name profiles and files, never keys.
    return TrundleError(f"Failed to sign in to {where}: {exc}.")


def _configured_endpoint(session: boto3.Session) -> str | None:
    """The endpoint that AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or the profile names."""
    from botocore.configprovider import ConfiguredEndpointProvider

    # botocore's session, which boto3 gives out by no other name.
    inner = session._session  # pylint: disable=protected-access
    provider = ConfiguredEndpointProvider(
        full_config=inner.full_config, scoped_config=inner.get_scoped_config(), client_name="s3"
    )
    endpoint = provider.provide()
    return str(endpoint) if endpoint else None
