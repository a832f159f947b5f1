# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a small release as collectstatic does: python make_release.py FOLDER RELEASE COLOUR."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

folder, release, colour = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
contents = {
    "css/app.css": f"body {{ color: {colour} }}\n".encode(),
    "js/app.mjs": b"export const answer = 42;\n",
    "img/space and ü.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>\n",
}
types = {".css": "text/css", ".mjs": "text/javascript", ".svg": "image/svg+xml"}
paths, files = {}, {}
for name, content in contents.items():
    stem, extension = name.rsplit(".", 1)
    # As Django does: the first twelve digits of the MD5.
    key = f"{stem}.{hashlib.md5(content, usedforsecurity=False).hexdigest()[:12]}.{extension}"
    paths[name] = key
    path = folder / "static" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    files[key] = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content_type": types["." + extension],
        "cache_control": "public, max-age=31536000, immutable",
        "content_encoding": None,
    }
manifest = json.dumps({"paths": paths, "version": "1.1", "hash": ""}).encode()
record = {
    "schema": 1,
    "release": release,
    "created": "2026-11-21T09:00:00Z",
    "source": {"revision": None, "dirty": None},
    "django": "5.2.8",
    "layout": "hashed",
    "static_url": "/static/",
    "manifest": {"sha256": hashlib.sha256(manifest).hexdigest(), "paths": paths},
    "files": files,
}
(folder / "staticfiles.json").write_bytes(manifest)
(folder / "release.json").write_text(json.dumps(record), encoding="utf-8")
