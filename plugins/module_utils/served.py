# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that files are served: fetched as a browser does, through a CDN or not, and compared with the record (F1)."""

from __future__ import annotations

import hashlib
import random
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, Request, build_opener

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.progress import Steps
from ansible_collections.trundle.django.plugins.module_utils.record import FileEntry, Record

TIMEOUT = 30
TRIES = 3
PAUSE = 0.5
CHUNK = 1024 * 1024


class _AgainError(Exception):
    """What may be gone when it is tried again: a broken line, a server that is busy."""


def check_url(url: str) -> str:
    """The URL below which files are served, with a slash at its end."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise TrundleError(f"The url '{url}' is not valid: it looks like https://cdn.example.com/static/.")
    return url if url.endswith("/") else url + "/"


def served_problems(
    url: str, record: Record, keys: Sequence[str], *, concurrency: int, steps: Steps, validate_certs: bool = True
) -> dict[str, str]:
    """Fetch each of these files once, or a few times where that fails; key -> what is wrong."""
    # Ansible's open_url reads all certificates of the host anew for each request, which takes longer than the request.
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = build_opener(HTTPSHandler(context=context))

    def ask(key: str) -> str | None:
        problem = _problem(opener, url + quote(key), record.files[key])
        steps.done(record.files[key].size)
        return problem

    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(keys)))) as pool:
        return {key: problem for key, problem in zip(keys, pool.map(ask, keys)) if problem}


def _problem(opener: OpenerDirector, url: str, entry: FileEntry) -> str | None:
    cause = ""
    for number in range(TRIES):
        if number:
            time.sleep(PAUSE * 2**number * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        try:
            return _fetch(opener, url, entry)
        except _AgainError as exc:
            cause = str(exc)
    return f"{url} {cause}, also when it was tried again"


def _fetch(opener: OpenerDirector, url: str, entry: FileEntry) -> str | None:
    # A variant is asked for as what it is, so that nobody unpacks it on the way.
    headers = {"Accept-Encoding": entry.content_encoding or "identity", "User-Agent": "trundle.django"}
    try:
        with opener.open(Request(url, headers=headers), timeout=TIMEOUT) as answer:  # noqa: S310 (checked: http or https)
            return _compare(url, answer, entry)
    except HTTPError as exc:
        if exc.code == 429 or exc.code >= 500:
            raise _AgainError(f"answered {exc.code}") from exc
        return f"{url} answered {exc.code}"
    except (URLError, HTTPException, OSError) as exc:
        raise _AgainError(f"could not be read ({getattr(exc, 'reason', None) or exc})") from exc


def _compare(url: str, answer: HTTPResponse, entry: FileEntry) -> str | None:
    digest, size = hashlib.sha256(), 0
    # A page instead of a file, or a stream without end, is not read further than needed.
    while size <= entry.size and (chunk := answer.read(CHUNK)):
        digest.update(chunk)
        size += len(chunk)
    if size > entry.size:
        return f"{url} serves more than the {entry.size} bytes of the record"
    if size < int(answer.headers.get("Content-Length") or 0):
        raise _AgainError(f"broke off after {size} bytes")
    if size < entry.size:
        return f"{url} serves {size} bytes where the record says {entry.size}"
    if digest.hexdigest() != entry.sha256:
        return f"{url} serves other content than that of the record"
    kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != entry.content_type.lower():
        return f"{url} has the Content-Type {kind!r} where the record says {entry.content_type!r}"
    return None
