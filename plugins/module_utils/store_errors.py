# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store's error means and what helps, in one sentence.

obstore's exceptions carry the server's answer and a debug dump in their text, not as fields: the
error code, the status and the kind of a connection error are read from there, nothing else is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"<Code>([A-Za-z0-9.]+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_RETRIES = re.compile(r"after (\d+) retries")
_BAD_PATH = re.compile(r'(?:invalid path: |parsing )Path "([^"\n]{1,200})')

_REGION_CODES = frozenset(
    [
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "InvalidRegionName",
    ]
)
_CHECK_KEYS = "check access_key and secret_key, the profile, or the credentials that boto3 finds on this host"

# Code of the server -> cause and remedy; the placeholders are the fields of Target.
_CAUSES = {
    "NoSuchBucket": "there is no bucket '{bucket}' at {endpoint}; create it, or correct the name in the store's URL",
    "InvalidBucketName": "'{bucket}' is not a bucket name; correct it in the store's URL",
    "InvalidAccessKeyId": f"{{endpoint}} does not know the access key; {_CHECK_KEYS}",
    "SignatureDoesNotMatch": f"the secret key does not belong to the access key; {_CHECK_KEYS}",
    "ExpiredToken": "the credentials have expired; renew them (session_token, or sign in again)",
    "InvalidToken": "the session token is not valid; renew it (session_token, or sign in again)",
    "TokenRefreshRequired": "the credentials have expired; renew them (session_token, or sign in again)",
    "RequestTimeTooSkewed": "this host's clock differs too much from the server's; set it right (NTP)",
    "SlowDown": "{endpoint} asks to slow down, even after {retries} retries; lower the concurrency or run again later",
    "NotImplemented": "{endpoint} cannot do what is needed here (create-only writes need If-None-Match); "
    "use a store that can",
    "QuotaExceeded": "the store is full; raise its quota or remove old releases",
}
_REGION = "the bucket '{bucket}' is not in region '{region}'; set region to the one that it is in"
_DENIED = (
    "these credentials may not do that; allow s3:ListBucket on the bucket '{bucket}', and s3:GetObject and "
    "s3:PutObject on its objects"
)
# A part of the text of a connection error -> cause and remedy.
_CONNECTION = (
    ("ConnectionRefused", "nothing listens at {endpoint}; start the server or correct endpoint_url"),
    ("dns error", "the name of {endpoint} cannot be resolved; correct endpoint_url, region or the resolver"),
    ("InvalidCertificate", "the certificate of {endpoint} is not trusted on this host; add its CA to the system's"),
    ("InvalidContentType", "{endpoint} does not speak TLS; use http:// in endpoint_url"),
    ("BadScheme", "{endpoint} is not an http or https address; correct endpoint_url"),
    ("TimedOut", "{endpoint} did not answer in time; check the network, a firewall or the proxy"),
    ("HTTP error", "the connection to {endpoint} broke, even after {retries} retries; run again later"),
)


@dataclass(frozen=True)
class Target:
    """Where a request went: what the sentences speak of."""

    bucket: str
    endpoint: str
    region: str


def error_code(text: str) -> str | None:
    """The code of the server's answer, such as NoSuchBucket."""
    found = _CODE.search(text)
    return found.group(1) if found else None


def is_final(text: str) -> bool:
    """Whether every further request would meet the same error: wrong keys, bucket, region or address."""
    status = _status(text)
    return status in (301, 401, 403) or error_code(text) == "NoSuchBucket" or "kind: Connect" in text


def cause(text: str, target: Target) -> str:
    """The cause and the remedy of a request that failed with this text."""
    code, status = error_code(text), _status(text)
    template = _template(text, code, status)
    if template is None:
        return _unknown(text, code, status)
    retries = _RETRIES.search(text)
    return template.format(
        bucket=target.bucket,
        endpoint=target.endpoint,
        region=target.region,
        retries=retries.group(1) if retries else "0",
    )


def _template(text: str, code: str | None, status: int | None) -> str | None:
    if code in _REGION_CODES or status == 301 or "redirect without LOCATION" in text:
        return _REGION
    if code in _CAUSES:
        return _CAUSES[code]
    if code == "AccessDenied" or status in (401, 403):
        return _DENIED
    if status is not None and status >= 500:
        return f"{{endpoint}} answered {status} {code or 'Error'}, even after {{retries}} retries; run again later"
    if status is None:
        return next((sentence for part, sentence in _CONNECTION if part in text), None)
    return None


def foreign_key(text: str) -> str | None:
    """The key in the listing that obstore cannot read, where that is what went wrong: it has an empty part, or dots."""
    found = _BAD_PATH.search(text)
    return found.group(1) if found else None


def _unknown(text: str, code: str | None, status: int | None) -> str:
    bad_path = foreign_key(text)
    if bad_path:
        return (
            f"the bucket holds the key {bad_path!r}, which has an empty, '.' or '..' part; "
            "remove that object or use another prefix"
        )
    message = _MESSAGE.search(text)
    if status is not None or code is not None:
        answer = " ".join(str(part) for part in (status, code) if part is not None)
        return f"the server answered {answer}" + (f" ({message.group(1).strip()})" if message else "")
    # The first line is a sentence; what follows is a dump for programmers.
    return text.strip().split("\n", 1)[0][:300] or "unknown error"


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found.group(1)) if found else None
