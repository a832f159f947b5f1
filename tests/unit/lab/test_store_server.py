# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of the lab on a real server: what it refuses decides what the other tests are worth."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import pytest

FOLDER = Path(__file__).resolve().parents[3] / "molecule" / "shared" / "prepare"
KEY, SECRET, BUCKET = "AKIATESTTESTTESTTEST", "test-secret", "lab"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.read()


@pytest.fixture(scope="module")
def ports():
    signed, cdn = free_port(), free_port()
    names = {"LAB_BUCKET": BUCKET, "LAB_ACCESS_KEY": KEY, "LAB_SECRET_KEY": SECRET, "LAB_CDN_PORT": str(cdn)}
    binds = [f"--bind=127.0.0.1:{port}" for port in (signed, cdn)]
    command = [sys.executable, "-m", "gunicorn", "--worker-class=gevent", "--no-control-socket", *binds]
    server = subprocess.Popen(
        [*command, "store:application"],
        cwd=FOLDER,
        env={**os.environ, **names, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if fetch(f"http://127.0.0.1:{cdn}/{BUCKET}/none")[0] == 404:
                    break
            except OSError:
                pass
            assert server.poll() is None, "the store ended"
            assert time.monotonic() < deadline, "the store does not answer"
            time.sleep(0.2)
        yield signed, cdn
    finally:
        server.terminate()
        server.wait(20)


def client(port, key=KEY, secret=SECRET):
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        pytest.param(KEY, "wrong", "SignatureDoesNotMatch", id="secret"),
        pytest.param("AKIAXXXXXXXXXXXXXXXX", SECRET, "InvalidAccessKeyId", id="key"),
    ],
)
def test_a_wrong_key_is_refused(ports, key, secret, code):
    with pytest.raises(botocore.exceptions.ClientError, match=code):
        client(ports[0], key, secret).put_object(Bucket=BUCKET, Key="static/x", Body=b"x")


def test_without_a_signature_nothing_is_given(ports):
    client(ports[0]).put_object(Bucket=BUCKET, Key="static/there", Body=b"x")
    assert fetch(f"http://127.0.0.1:{ports[0]}/{BUCKET}/static/there")[0] == 403


def test_the_cdn_reads_every_name_and_writes_nothing(ports):
    name = "static/a b+ü.css"
    client(ports[0]).put_object(Bucket=BUCKET, Key=name, Body=b"body", CacheControl="no-cache")
    url = f"http://127.0.0.1:{ports[1]}/{BUCKET}/{urllib.parse.quote(name)}"
    assert fetch(url) == (200, b"body")
    assert fetch(url, "DELETE")[0] == 405
    assert fetch(url) == (200, b"body")


def test_a_record_is_created_once(ports):
    store = client(ports[0])
    store.put_object(Bucket=BUCKET, Key="record", Body=b"1", IfNoneMatch="*")
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        store.put_object(Bucket=BUCKET, Key="record", Body=b"2", IfNoneMatch="*")
