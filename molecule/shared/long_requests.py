# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that take long, begun before a host moves: downloads of 20 seconds and forms that are sent for 10.

``python long_requests.py --url http://BALANCER --host shop.example.com --pairs 4 --every 3 --out FILE`` begins a
download and a form each 3 seconds, four times, and writes FILE when the last has ended: how many did, and why others
did not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

DOWNLOAD = 20
FORM = 10
PARTS = 20


class WrongError(Exception):
    """A request that did not end well."""


@dataclass(frozen=True)
class Site:
    address: str
    port: int
    host: str

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, self.port, timeout=DOWNLOAD + 40)


def download(site: Site) -> None:
    """The body has no length, so what is cut off shows by its last line alone."""
    connection = site.connect()
    connection.request("GET", f"/prices.csv?seconds={DOWNLOAD}", headers={"Host": site.host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200 or not body.endswith(b"# end\n"):
        raise WrongError(f"download: status {answer.status}, {len(body)} bytes, end {body[-40:]!r}")


def form(site: Site) -> None:
    connection = site.connect()
    connection.request("GET", "/", headers={"Host": site.host})
    answer = connection.getresponse()
    page = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    connection.close()
    if not token or not cookie:
        raise WrongError(f"form: the page of status {answer.status} has none")
    body = urlencode({"csrfmiddlewaretoken": token[1], "email": f"{time.monotonic_ns()}@example.com"}).encode()
    connection = site.connect()
    connection.putrequest("POST", "/subscribe/", skip_host=True)
    for name, value in {
        "Host": site.host,
        "Origin": f"http://{site.host}",
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    step = -(-len(body) // PARTS)
    for start in range(0, len(body), step):
        time.sleep(FORM / PARTS)
        connection.send(body[start : start + step])
    answer = connection.getresponse()
    connection.close()
    if answer.status != 302:
        raise WrongError(f"form: status {answer.status}")


def why(work: Future[None]) -> str | None:
    error = work.exception()
    return None if error is None else f"{type(error).__name__}: {error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    where = urlsplit(given.url)
    site = Site(where.hostname or "", where.port or 80, given.host)
    kinds: tuple[Callable[[Site], None], ...] = (download, form)
    with ThreadPoolExecutor(max_workers=given.pairs * 2) as pool:
        begun = []
        for _pair in range(given.pairs):
            begun += [pool.submit(kind, site) for kind in kinds]
            time.sleep(given.every)
    wrong = [cause for cause in map(why, begun) if cause is not None]
    beside = given.out.with_suffix(".new")
    beside.write_text(json.dumps({"ended": len(begun) - len(wrong), "wrong": wrong}, indent=1) + "\n")
    beside.replace(given.out)


if __name__ == "__main__":
    main()
