# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store's error means and what helps, in one sentence.

obstore's exceptions carry the server's answer and a debug dump in their text, not as fields: the
error code, the status and the kind of a connection error are read from there, nothing else is shown.
"""

from __future__ import annotations

import errno
import os
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
# What servers say instead of, or with, 429 and 503.
_THROTTLED = frozenset(["SlowDown", "RequestLimitExceeded", "ServerBusy", "Throttling", "TooManyRequests"])
_CHECK_KEYS = "check access_key and secret_key, the profile, or the credentials that boto3 finds on this host"

# Code of the server -> cause and remedy; the placeholders are the fields of Target.
_S3_CAUSES = {
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
    "KMS.NotFoundException": "there is no such KMS key in region '{region}'; correct encryption_kms_key_id",
    "KMS.DisabledException": "the KMS key is disabled; enable it, or name another by encryption_kms_key_id",
    "BadDigest": "{endpoint} received other bytes than were sent; run again, and look at the proxies on the way",
    "InvalidDigest": "{endpoint} does not take the checksum; set checksum_algorithm to none",
    "XAmzContentChecksumMismatch": "{endpoint} received other bytes than were sent; run again, and look at the "
    "proxies on the way",
}
_CHECK_IDENTITY = "check account_key or sas_token, or the identity that azure-identity finds on this host"
_WRITER = "the role 'Storage Blob Data Contributor' on the container '{bucket}'"
_AZURE_CAUSES = {
    "ContainerNotFound": "there is no container '{bucket}' in the storage account '{account}'; create it, or correct "
    "the name in the store's URL",
    "ContainerBeingDeleted": "the container '{bucket}' is being deleted; wait until it is gone and create it again, or "
    "use another",
    "InvalidResourceName": "'{bucket}' is not a name of a container; correct it in the store's URL",
    "AuthenticationFailed": f"{{endpoint}} refuses the key of the storage account '{{account}}'; {_CHECK_IDENTITY}",
    "InvalidAuthenticationInfo": f"{{endpoint}} does not take these credentials; {_CHECK_IDENTITY}",
    "NoAuthenticationInformation": f"{{endpoint}} takes none but signed requests; {_CHECK_IDENTITY}",
    "AuthorizationPermissionMismatch": "these credentials may not do that; give a SAS the permissions r, w, d, l and "
    f"c, or the identity {_WRITER}",
    "AuthorizationResourceTypeMismatch": "the SAS does not cover containers and objects; make it anew with both",
    "AuthorizationServiceMismatch": "the SAS is not for blobs; make it anew for the blob service",
    "AuthorizationProtocolMismatch": "the SAS is for https only; use https:// in endpoint_url",
    "AuthorizationSourceIPMismatch": "the SAS does not hold for this host's address; make it anew with this address",
    "AuthorizationFailure": f"{{endpoint}} refuses these credentials, or this host; {_CHECK_IDENTITY}, and whether the "
    "network settings of the storage account '{account}' allow this host's address",
    "KeyBasedAuthenticationNotPermitted": "the storage account '{account}' takes no account keys; leave out "
    f"account_key and sas_token, and give an identity {_WRITER}",
    "AccountIsDisabled": "the storage account '{account}' is disabled; enable it, or name another by account",
    "ServerBusy": _S3_CAUSES["SlowDown"],
    "Md5Mismatch": _S3_CAUSES["BadDigest"],
}
_AZURE_CLOCK = (
    "this host's clock differs too much from the server's, or the SAS is not valid now; set the clock right (NTP), or "
    "make the SAS anew"
)
_FINAL_ERRNOS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ETIMEDOUT}
)
_OUT_OF_TIME = re.compile(r"Request date header|too old|Signature not valid in the specified time frame|expired", re.I)
_NO_ACCOUNT = "the name of {endpoint} cannot be resolved; correct account or endpoint_url, or the resolver"
_NO_SUCH_PLACE = frozenset({"NoSuchBucket", "ContainerNotFound", "InvalidResourceName"})
_REGION = "the bucket '{bucket}' is not in region '{region}'; set region to the one that it is in"
_DENIED = (
    "these credentials may not do that; allow s3:ListBucket on the bucket '{bucket}', and s3:GetObject, s3:PutObject "
    "and, to remove old releases, s3:DeleteObject on its objects"
)
_KMS_DENIED = (
    "these credentials may not use the KMS key that objects are encrypted with; allow kms:GenerateDataKey and "
    "kms:Decrypt on it, or name another by encryption_kms_key_id"
)
_FILE_CAUSES = {
    errno.EACCES: "the user {user} may not do that; give this user, or a group of it, the right to write there",
    errno.EPERM: "the user {user} may not do that; give this user, or a group of it, the right to write there",
    errno.EROFS: "its file system is mounted read-only; mount it for writing",
    errno.ENOSPC: "its file system is full; make room, or remove old releases",
    errno.EDQUOT: "the quota of the user {user} is used up; raise it, or remove old releases",
    errno.ESTALE: "the file server has lost the folder; mount its file system anew",
    errno.EIO: "its disk, or the line to the file server, fails; look into the journal of this host",
    errno.ETIMEDOUT: "the file server did not answer in time; check the network and the server",
    errno.ENAMETOOLONG: "its name is too long for this file system; use another store, or shorten the name",
    errno.EISDIR: "a folder of that name is in the way; remove it, or use another folder as the store",
    errno.ENOTDIR: "a file is in the way where a folder has to be; remove it, or use another folder as the store",
}
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
    """Where a request went: what the sentences speak of. An account makes it Azure's."""

    bucket: str
    endpoint: str
    region: str = ""
    account: str | None = None


def error_code(text: str) -> str | None:
    """The code of the server's answer, such as NoSuchBucket."""
    found = _CODE.search(text)
    return found.group(1) if found else None


def is_final(text: str) -> bool:
    """Whether every further request would meet the same error: wrong keys, bucket, region or address."""
    return _status(text) in (301, 401, 403) or error_code(text) in _NO_SUCH_PLACE or "kind: Connect," in text


def is_broken(text: str) -> bool:
    """Whether the connection broke in a way that obstore does not send the request again after."""
    if "Error getting list response body" in text or "Content-Range header not present" in text:
        return True
    return "HTTP error" in text and _status(text) is None and _RETRIES.search(text) is None


def is_throttled(text: str) -> bool:
    """Whether the store asks for fewer requests at a time."""
    return _status(text) in (429, 503) or error_code(text) in _THROTTLED


def cause(text: str, target: Target) -> str:
    """The cause and the remedy of a request that failed with this text."""
    code, status = error_code(text), _status(text)
    template = _template(text, code, status, target)
    if template is None:
        return _unknown(text, code, status)
    retries = _RETRIES.search(text)
    return template.format(**vars(target), retries=retries.group(1) if retries else "0")


def _template(text: str, code: str | None, status: int | None, target: Target) -> str | None:
    found = _azure(text, code, status) if target.account else _s3(text, code, status)
    if found is not None:
        return found
    if status is not None and status >= 500:
        return f"{{endpoint}} answered {status} {code or 'Error'}, even after {{retries}} retries; run again later"
    if status is None:
        return next((sentence for part, sentence in _CONNECTION if part in text), None)
    return None


def _s3(text: str, code: str | None, status: int | None) -> str | None:
    if code in _REGION_CODES or status == 301 or "redirect without LOCATION" in text:
        return _REGION
    if code == "AccessDenied" and "kms:" in text:
        return _KMS_DENIED
    if code in _S3_CAUSES:
        return _S3_CAUSES[code]
    return _DENIED if code == "AccessDenied" or status in (401, 403) else None


def _azure(text: str, code: str | None, status: int | None) -> str | None:
    if code == "AuthenticationFailed" and _OUT_OF_TIME.search(text):
        return _AZURE_CLOCK
    if "dns error" in text:
        return _NO_ACCOUNT
    if code in _AZURE_CAUSES:
        return _AZURE_CAUSES[code]
    return _AZURE_CAUSES["AuthorizationFailure"] if status in (401, 403) else None


def foreign_key(text: str) -> str | None:
    """The key in the listing that obstore cannot read, where that is what went wrong: it has an empty part, or dots."""
    found = _BAD_PATH.search(text)
    return found.group(1) if found else None


def file_cause(exc: OSError) -> str:
    """The cause and the remedy of what a file system answers."""
    user = str(os.geteuid())
    return _FILE_CAUSES.get(exc.errno or 0, exc.strerror or str(exc)).format(user=user)


def is_final_errno(exc: OSError) -> bool:
    """Whether every further file would meet the same error."""
    return exc.errno in _FINAL_ERRNOS


def _unknown(text: str, code: str | None, status: int | None) -> str:
    bad_path = foreign_key(text)
    if bad_path:
        return (
            f"it holds the key {bad_path!r}, which has an empty, '.' or '..' part; "
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
