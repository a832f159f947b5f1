# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server that checks signatures, over moto: `gunicorn -k gevent --bind 0.0.0.0:9000 --bind 127.0.0.1:9001`.

Requests to port 9000 must be signed with the lab's key. Port 9001, bound to loopback, is for the CDN on the same
host: its reads are signed here in the name of a second user who may only get objects, as a CDN signs its requests to
a private bucket.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from typing import Any, Callable

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "0"  # read by moto when it is imported

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

CDN_PORT = os.environ.get("LAB_CDN_PORT", "9001")
REGION = os.environ["AWS_DEFAULT_REGION"]
BUCKET = os.environ["LAB_BUCKET"]
# The store forgets everything when it stops, so the CDN's key need not be known to anybody.
CDN_KEY = Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_hex(20))

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


def add_user(name: str, credentials: Credentials, actions: list[str]) -> None:
    """A user with one key and one policy."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    iam.create_user(region_name=REGION, user_name=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_user_policy(name, "lab", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(name)
    key.access_key_id, key.secret_access_key = credentials.access_key, credentials.secret_key


def refuse(start_response: Any, status: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain")])
    return [status.encode()]


def sign_cdn_reads(application: Application) -> Application:
    """Sign what comes in on the CDN's port."""

    def signed(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["SERVER_PORT"] != CDN_PORT:
            if "HTTP_AUTHORIZATION" not in environ:
                # moto would answer an unsigned request with an error 500.
                return refuse(start_response, "403 Forbidden")
            return application(environ, start_response)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return refuse(start_response, "405 Method Not Allowed")
        url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"
        request = AWSRequest(method=environ["REQUEST_METHOD"], url=url)
        S3SigV4Auth(CDN_KEY, "s3", REGION).add_auth(request)
        for header in ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256"):
            environ["HTTP_" + header.upper().replace("-", "_")] = request.headers[header]
        return application(environ, start_response)

    return signed


add_user("lab", Credentials(os.environ["LAB_ACCESS_KEY"], os.environ["LAB_SECRET_KEY"]), ["*"])
# Who may not list is told 403, not 404, about an object that is missing; a public store says 404.
add_user("cdn", CDN_KEY, ["s3:GetObject", "s3:HeadObject", "s3:ListBucket"])
s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(BUCKET, REGION)
application = sign_cdn_reads(create_backend_app("s3"))
