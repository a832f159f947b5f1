# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server for tests: moto with real signature checks, a log of requests, and faults on demand.

    python s3_server.py STATE_FILE

listens on a free port of the loopback address and writes a JSON file that says where, with which
keys and under which process id. `POST /_control` with a JSON object {"fail": [RULE, ...]} replaces
the rules for faults; `GET /_control` returns the requests since the last POST. A RULE has `method`,
`path` (a regular expression), `status` (default 500), `code` (the S3 error code) and either `share`
(0 to 1, by a seeded random) or `times` (how often at most). With `delay` (seconds) the answer is the
right one, and late.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json
import os
import random
import re
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Callable

from gevent.pywsgi import WSGIHandler, WSGIServer
from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3.models import s3_backends

BUCKET = "assets"
# Listed for the reader too: without it even a missing object is a 403, as on AWS.
OF_OBJECTS = ("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION", "HTTP_X_AMZ_CHECKSUM", "HTTP_X_AMZ_SDK_CHECKSUM")
READ = ["s3:GetObject", "s3:ListBucket"]


class Handler(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    def get_environ(self) -> dict[str, Any]:
        # moto checks the signature of the path as it was sent, in the variable that gunicorn sets.
        return {**super().get_environ(), "RAW_URI": self.path}

    def handle(self) -> None:
        # Head and body leave in two packets: without this each request waits 40 ms.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()


class FaultyApp:
    """Logs each request and answers some of them with an error of its own."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.rules: list[dict[str, Any]] = []
        self.log: list[dict[str, Any]] = []
        self.random = random.Random(1)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/_control":
            return self.control(environ, start_response)
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "")
        self.log.append(
            {
                "method": method,
                "path": path,
                "query": environ.get("QUERY_STRING", ""),
                "token": token,
                # Those that say how an object is to be kept.
                "amz": {name: value for name, value in environ.items() if name.startswith(OF_OBJECTS)},
            }
        )
        rule = self.fault(method, path)
        if rule is not None and "delay" in rule:
            time.sleep(rule["delay"])
            rule = None
        if rule is None:
            return self.app(environ, start_response)
        environ["wsgi.input"].read()
        code = rule.get("code", "InternalError")
        # The ETag belongs to the worst fault: a server that accepts an object and loses it.
        start_response(f"{rule.get('status', 500)} Fault", [("Content-Type", "application/xml"), ("ETag", '"0"')])
        return [f"<Error><Code>{code}</Code><Message>On demand.</Message></Error>".encode()]

    def fault(self, method: str, path: str) -> dict[str, Any] | None:
        for rule in self.rules:
            if rule.get("method", method) != method or not re.search(rule.get("path", ""), path):
                continue
            if "share" in rule:
                if self.random.random() < rule["share"]:
                    return rule
            elif rule.setdefault("times", 1) > 0:
                rule["times"] -= 1
                return rule
        return None

    def control(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = json.dumps(self.log).encode()
        if environ["REQUEST_METHOD"] == "POST":
            self.rules = json.loads(environ["wsgi.input"].read() or b"{}").get("fail", [])
            self.log, self.random = [], random.Random(1)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer]


def add_user(name: str, actions: list[str]) -> dict[str, str]:
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    iam.create_user("us-east-1", name)
    statement = [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
    iam.put_user_policy(name, "test", json.dumps({"Version": "2012-10-17", "Statement": statement}))
    key = iam.create_access_key(name)
    return {"access_key": key.access_key_id, "secret_key": key.secret_access_key}


def main() -> None:
    state_file = Path(sys.argv[1])
    state: dict[str, Any] = add_user("writer", ["s3:*"])
    state["reader"] = add_user("reader", READ)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(BUCKET, "us-east-1")
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    app = FaultyApp(create_backend_app("s3"))
    server = WSGIServer(("127.0.0.1", 0), app, log=None, handler_class=Handler)
    server.start()
    state.update(endpoint_url=f"http://127.0.0.1:{server.server_port}", bucket=BUCKET, pid=os.getpid())
    # The file holds keys, and it appears whole or not at all: who waits for it can read it at once.
    part = state_file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text(json.dumps(state), encoding="utf-8")
    part.replace(state_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
