# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the manifest and the record of a release with one stylesheet: FOLDER RELEASE COLOUR."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def main(folder: Path, release: str, colour: str) -> None:
    content = f"body {{ color: {colour}; }}\n".encode()
    name = f"css/app.{hashlib.md5(content, usedforsecurity=False).hexdigest()[:12]}.css"
    manifest = json.dumps({"paths": {"css/app.css": name}, "version": "1.1", "hash": ""}).encode()
    entry = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content_type": "text/css",
        "cache_control": "public, max-age=31536000, immutable",
        "content_encoding": None,
    }
    record = {
        "schema": 1,
        "release": release,
        "created": "2026-11-21T09:00:00Z",
        "source": {"revision": None, "dirty": None},
        "django": "5.2.8",
        "layout": "hashed",
        "static_url": "/static/",
        "manifest": {"sha256": hashlib.sha256(manifest).hexdigest(), "paths": {"css/app.css": name}},
        "files": {name: entry},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "staticfiles.json").write_bytes(manifest)
    (folder / "release.json").write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
