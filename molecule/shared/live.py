# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors with a WebSocket each, which they open again when it is closed, until it is one of a certain release.

``python live.py --url http://BALANCER --host shop.example.com --until v2 --out FILE`` writes FILE when all of them have
come there, or the time is over: the releases that each was told, the codes that its sockets were closed with, and what
went wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp


@dataclass
class Visitor:
    """releases: as told by its sockets, one after the other; codes: those that all but the last were closed with."""

    releases: list[str] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def stay(self, session: aiohttp.ClientSession, url: str, host: str, until: str) -> None:
        try:
            while until not in self.releases:
                # Without a word of ours the balancer would take it for one that was forgotten.
                async with session.ws_connect(url, headers={"Host": host}, heartbeat=1) as socket:
                    self.releases.append(await socket.receive_str())
                    if self.releases[-1] != until:
                        await socket.receive()
                        self.codes.append(socket.close_code)
        except (aiohttp.ClientError, TypeError) as exc:
            self.wrong.append(f"{type(exc).__name__}: {exc}")


async def visit(url: str, host: str, *, until: str, visitors: int, wait: float) -> list[Visitor]:
    """All of them at once; wait: seconds after which those that are not there are left."""
    staying = [Visitor() for _number in range(visitors)]
    async with aiohttp.ClientSession() as session:
        try:
            async with asyncio.timeout(wait):
                await asyncio.gather(*(visitor.stay(session, url, host, until) for visitor in staying))
        except TimeoutError:
            for visitor in staying:
                if until not in visitor.releases:
                    visitor.wrong.append(f"no {until} in {wait:g} s")
    return staying


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--until", required=True, metavar="RELEASE")
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--wait", type=float, default=180)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    url = f"{given.url.rstrip('/')}/live/"
    seen = asyncio.run(visit(url, given.host, until=given.until, visitors=given.visitors, wait=given.wait))
    given.out.write_text(json.dumps([asdict(visitor) for visitor in seen], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
