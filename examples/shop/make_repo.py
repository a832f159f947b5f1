# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a git repository of an example site, with one tag for each of its releases.

``python make_repo.py --dest DIR [--site shop|stock] [--wheel FILE] [--django VERSION]`` prints
``{"path": DIR, "tags": {"v1": COMMIT, ...}}``. The same input gives the same commits on every machine.

main holds v1 and v2; each other release is a commit of its own upon the one that it is made from.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from icons import icons

EXAMPLES = Path(__file__).resolve().parent.parent
MARKER = "trundle-example"
FIRST_COMMIT = 1_767_603_600  # 2026-01-05T09:00:00Z; each release is a day later than the one before it
DJANGO = {"4.2": "4.2.30", "5.2": "5.2.19"}
GENERATED = ("__pycache__", "db.sqlite3", "staticfiles.json", "release.json")


class RepoError(Exception):
    """The repository cannot be made; the text says why."""


@dataclass(frozen=True)
class Release:
    tag: str
    parent: str | None
    subject: str


SHOP = (
    Release("v1", None, "Open the shop"),
    Release("v2", "v1", "Show ratings, in new colours"),
    Release("v3", "v2", "Trace requests"),
    Release("v4-unhealthy", "v2", "Ask the search index before saying healthy"),
    Release("v5-slow", "v2", "Warm up at boot"),
    Release("v6-wrong-id", "v2", "Answer health by hand"),
    Release("v7-breaking", "v2", "Drop the ratings"),
    Release("v8-additive", "v2", "Tell where goods come from"),
    Release("v9-halfway", "v8-additive", "Weigh the goods"),
)
STOCK = (
    Release("v1", None, "Open the site"),
    Release("v2", "v1", "Turn the page green"),
    Release("v3", "v2", "Trace requests"),
)
SITES = {"shop": SHOP, "stock": STOCK}


def read_tree(folder: Path) -> dict[str, bytes]:
    """Read a folder's files by relative path, without what a run of the site leaves in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part in GENERATED for part in name.parts) and path.suffix != ".pyc":
            found[name.as_posix()] = path.read_bytes()
    return found


def requirements(text: str, django: str | None, wheel: Path | None) -> str:
    """Pin the wanted Django, and add the companion's wheel, which the repository brings with it."""
    if django:
        wanted = DJANGO.get(django, django)
        if not re.fullmatch(r"\d+\.\d+(\.\d+|\.\*)?", wanted):
            raise RepoError(f"--django must look like 5.2 or 5.2.19, not {django!r}")
        pin = wanted if wanted.count(".") == 2 else f"{wanted}.*"
        text = re.sub(r"(?m)^Django==.*$", f"Django=={pin}", text)
    return text + (f"./vendor/{wheel.name}\n" if wheel else "")


def site_tree(site: str, django: str | None, wheel: Path | None) -> dict[str, bytes]:
    tree = read_tree(EXAMPLES / site / "site")
    if site == "shop":
        tree.update({path: text.encode() for path, text in icons().items()})
    if wheel:
        tree[f"vendor/{wheel.name}"] = wheel.read_bytes()
    tree["requirements.txt"] = requirements(tree["requirements.txt"].decode(), django, wheel).encode()
    return tree


class Repository:
    """A new git repository that takes nothing from the settings of whoever makes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str, day: int = 0) -> str:
        date = f"{FIRST_COMMIT + day * 86_400} +0000"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Barrow & Hoop",
            "GIT_AUTHOR_EMAIL": "shop@example.com",
            "GIT_COMMITTER_NAME": "Barrow & Hoop",
            "GIT_COMMITTER_EMAIL": "shop@example.com",
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RepoError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def create(self) -> None:
        """Start afresh. A folder that holds anything but our own earlier work is left alone."""
        if self.path.exists() and any(self.path.iterdir()):
            if not (self.path / ".git" / MARKER).exists():
                raise RepoError(f"{self.path} is not empty and was not made by this program")
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", "--object-format=sha1", "--template=")
        (self.path / ".git" / MARKER).touch()

    def commit(self, release: Release, tree: dict[str, bytes], parent: str | None, day: int) -> str:
        for old in self.path.iterdir():
            if old.name != ".git":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        for name, content in tree.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o644)
        self.git("-c", "core.autocrlf=false", "add", "--all", "--force")
        parents = ("-p", parent) if parent else ()
        commit = self.git("commit-tree", self.git("write-tree"), *parents, "-m", release.subject, day=day)
        self.git("tag", release.tag, commit)
        return commit


def make(site: str, dest: Path, *, django: str | None = None, wheel: Path | None = None) -> dict[str, str]:
    """Make the repository of *site* in *dest*; returns commits by tag."""
    trees = {"": site_tree(site, django, wheel)}
    repository = Repository(dest)
    repository.create()
    tags: dict[str, str] = {}
    for day, release in enumerate(SITES[site]):
        overlay = read_tree(EXAMPLES / site / "versions" / release.tag)
        trees[release.tag] = trees[release.parent or ""] | overlay
        parent = tags[release.parent] if release.parent else None
        tags[release.tag] = repository.commit(release, trees[release.tag], parent, day)
    repository.git("update-ref", "refs/heads/main", tags["v2"])
    repository.git("reset", "--quiet", "--hard", "main")
    return tags


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dest", type=Path, required=True, help="folder of the new repository")
    parser.add_argument("--site", choices=sorted(SITES), default="shop")
    parser.add_argument("--wheel", type=Path, help="wheel of django-trundle, kept in vendor/ and required")
    parser.add_argument("--django", help="4.2, 5.2, or a full version")
    options = parser.parse_args()
    try:
        tags = make(options.site, options.dest.resolve(), django=options.django, wheel=options.wheel)
    except (RepoError, OSError) as error:
        print(f"make_repo: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"path": str(options.dest.resolve()), "tags": tags}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
