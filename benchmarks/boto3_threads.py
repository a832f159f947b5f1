# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many a deploy script does: boto3 in a pool of threads. ``boto3_threads.py FOLDER ENDPOINT BUCKET PREFIX``."""

from __future__ import annotations

import mimetypes
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

THREADS = 16


def main() -> None:
    folder, endpoint, bucket, prefix = Path(sys.argv[1]), *sys.argv[2:5]
    client = boto3.client("s3", endpoint_url=endpoint, config=Config(max_pool_connections=THREADS))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    there = {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}

    def send(path: Path) -> None:
        key = f"{prefix}/{path.relative_to(folder).as_posix()}"
        if there.get(key) != path.stat().st_size:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            client.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": kind})

    with ThreadPoolExecutor(THREADS) as pool:
        for _none in pool.map(send, [path for path in folder.rglob("*") if path.is_file()]):
            pass


if __name__ == "__main__":
    main()
