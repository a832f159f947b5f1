# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the objects of the bucket LAB_BUCKET, a line each; the rest of the access is in AWS_* variables.

With --search only those are named that hold one of the texts on standard input.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

import obstore
from obstore.store import S3Store


def lines(store: S3Store) -> Iterator[str]:
    """Name, size, checksum and time of each object: equal for equal content that nobody wrote again."""
    for page in obstore.list(store):
        for meta in page:
            yield f"{meta['path']} {meta['size']} {meta['e_tag']} {meta['last_modified'].isoformat()}"


def holding(store: S3Store, texts: list[bytes]) -> Iterator[str]:
    """The names of the objects in whose bytes or name one of the texts is."""
    for page in obstore.list(store):
        for meta in page:
            data = meta["path"].encode() + bytes(obstore.get(store, meta["path"]).bytes())
            if any(text in data for text in texts):
                yield meta["path"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--search", action="store_true", help="search for the texts on standard input")
    search = parser.parse_args().search
    store = S3Store(os.environ["LAB_BUCKET"])
    texts = sys.stdin.buffer.read().split(b"\n") if search else []
    found = holding(store, [text for text in texts if text]) if search else lines(store)
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
