# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.trundle.django.plugins.module_utils.store_errors import Target, cause, is_final

TARGET = Target(bucket="assets", endpoint="https://s3.example.com", region="eu-west-1")


def answer(status: int, code: str, message: str = "Told by the server.") -> str:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message><Secret>leak</Secret></Error>"
    return f"Generic S3 error: after 5 retries - Server returned non-2xx status code: {status} Some: {body}\n\nDebug"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (answer(404, "NoSuchBucket"), "there is no bucket 'assets' at https://s3.example.com"),
        (answer(403, "InvalidAccessKeyId"), "does not know the access key"),
        (answer(403, "SignatureDoesNotMatch"), "the secret key does not belong to the access key"),
        (answer(403, "RequestTimeTooSkewed"), "clock"),
        (answer(400, "ExpiredToken"), "expired"),
        (answer(403, "AccessDenied"), "allow s3:ListBucket"),
        (answer(403, "AccessDenied", "Not authorized to perform: kms:GenerateDataKey"), "may not use the KMS key"),
        (answer(400, "KMS.NotFoundException"), "no such KMS key in region 'eu-west-1'; correct encryption_kms_key_id"),
        ("- Server returned non-2xx status code: 403 Forbidden: ", "allow s3:ListBucket"),
        (answer(301, "PermanentRedirect"), "not in region 'eu-west-1'; set region"),
        ("Received redirect without LOCATION, this normally indicates", "not in region 'eu-west-1'; set region"),
        (answer(503, "SlowDown"), "even after 5 retries; lower the concurrency"),
        (answer(500, "InternalError"), "answered 500 InternalError, even after 5 retries"),
        (answer(418, "Teapot"), "the server answered 418 Teapot (Told by the server.)"),
        ("HTTP error: x\nkind: ConnectionRefused", "nothing listens at https://s3.example.com"),
        ('HTTP error: x\n"dns error"', "cannot be resolved"),
        ("HTTP error: error sending request", "the connection to https://s3.example.com broke"),
        ('Error parsing Path "static/./a": Encountered', "holds the key 'static/./a'"),
        ('invalid path: Path "static/a//b" contained empty path segment', "holds the key 'static/a//b'"),
        ("Something new.\nDebug dump", "Something new."),
    ],
)
def test_cause_and_remedy(text: str, expected: str) -> None:
    told = cause(text, TARGET)
    assert expected in told
    assert "leak" not in told
    assert "Debug" not in told
    assert "\n" not in told


def test_an_unknown_answer_is_not_shown_whole() -> None:
    assert len(cause("x" * 10_000, TARGET)) <= 300


@pytest.mark.parametrize(
    ("text", "final"),
    [
        (answer(403, "AccessDenied"), True),
        (answer(404, "NoSuchBucket"), True),
        (answer(404, "NoSuchKey"), False),
        (answer(500, "InternalError"), False),
        ("kind: Connect,", True),
        ("kind: ConnectionReset,", False),
    ],
)
def test_errors_that_all_requests_share_are_final(text: str, final: bool) -> None:
    assert is_final(text) is final
