# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import store_file
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store import (
    FinalError,
    ObjectExistsError,
    Store,
    StoreOptions,
    open_store,
)

NONE: dict[str, str] = {}
BUILDER = Path(__file__).with_name("file_builder.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    # pytest's own folders are closed to others and so is what a careless administrator makes: not this one.
    folder = tmp_path / "efs" / "static"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    return folder


@pytest.fixture
def store(root: Path) -> Store:
    return open_store(f"file://{root}", StoreOptions())


def names_in(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file://mnt/static", "names no valid folder: it looks like file:///mnt/static, with three slashes"),
        ("file:///", "names no valid folder"),
        ("file:///mnt/a b", "names no valid folder"),
        ("file:///mnt/static;}", "names no valid folder"),
        ("file:///mnt/../etc", r"an empty, '\.' or '\.\.' part"),
        ("file:///mnt//static", r"an empty, '\.' or '\.\.' part"),
    ],
)
def test_a_wrong_url_is_explained(url: str, expected: str) -> None:
    with pytest.raises(TrundleError, match=expected):
        open_store(url, StoreOptions())


def test_urls_name_the_files(store: Store, root: Path) -> None:
    assert store.url("css/app.css") == f"file://{root}/css/app.css"
    assert open_store(f"file://{root}/", StoreOptions()).location.url == f"file://{root}"


@pytest.mark.parametrize("name", ["a.css", "css/deep/a b.css", "ü/日本.css", "100%.txt", ".releases/v1.json", "a\nb"])
def test_names_survive(store: Store, root: Path, name: str) -> None:
    store.put(name, b"abc", NONE)
    assert (root / name).read_bytes() == b"abc"
    assert store.get(name) == b"abc"
    answer = store.head(name)
    assert answer is not None
    assert answer.size == 3
    assert store.find([name]).objects[name].size == 3
    assert [found for found, _stored in store.iterate()] == [name]


@pytest.mark.parametrize("name", ["../static-old/app.css", "a//b", "./a", "/etc/passwd", "a/..", "a\0b", ""])
def test_no_name_leads_out_of_the_folder(store: Store, root: Path, name: str) -> None:
    beside = root.parent / "static-old" / "app.css"
    beside.parent.mkdir()
    beside.write_bytes(b"old")
    assert store.find([name]).objects == {}
    for call in (store.get, store.head, lambda name: store.put(name, b"", NONE), lambda name: store.delete([name])):
        with pytest.raises(TrundleError, match="no file can have it"):
            call(name)
    assert beside.read_bytes() == b"old"


def test_what_is_not_there(store: Store) -> None:
    store.put("a", b"1", NONE)
    for name in ("missing", "folder/missing", "a/below-a-file"):
        assert store.get(name) is None
        assert store.head(name) is None
        assert store.find([name]).objects == {}
        store.delete([name])


def test_one_listing_reads_only_the_folders_asked_for(store: Store, root: Path) -> None:
    for name in ("a.css", "css/a.css", "css/b.css", "js/a.js"):
        store.put(name, b"abc", NONE)
    (root / "js").chmod(0)
    listing = store.find(["css/a.css", "css/c.css", "a.css"])
    assert sorted(listing.objects) == ["a.css", "css/a.css"]
    assert listing.requests == 2


def test_links_are_no_objects(store: Store, root: Path) -> None:
    (root.parent / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(root.parent / "secret")
    (root / "up").symlink_to(root.parent)
    assert list(store.iterate()) == []
    assert store.find(["link"]).objects == {}


@pytest.mark.parametrize(
    ("mode", "folders", "files"),
    [(0o755, 0o755, 0o644), (0o2750, 0o2750, 0o640), (0o2775, 0o2775, 0o664)],
)
def test_the_servers_user_can_read_whatever_the_umask(root: Path, mode: int, folders: int, files: int) -> None:
    root.chmod(mode)
    store = open_store(f"file://{root}", StoreOptions())
    old = os.umask(0o077)
    try:
        store.put("css/deep/a.css", b"abc", NONE)
        (source := root.parent / "private").write_bytes(b"abc")
        store.put("css/b.css", source, NONE)
        store.put("record", b"abc", NONE, create_only=True)
    finally:
        os.umask(old)
    for name in ("css", "css/deep"):
        assert stat.S_IMODE((root / name).stat().st_mode) == folders
    for name in ("css/deep/a.css", "css/b.css", "record"):
        assert stat.S_IMODE((root / name).stat().st_mode) == files


def test_a_folder_closed_to_the_server_is_refused(root: Path) -> None:
    root.chmod(0o700)
    store = open_store(f"file://{root}", StoreOptions())
    for call in (store.check_access, lambda: store.put("a", b"", NONE)):
        with pytest.raises(FinalError, match=r"closed to all but its owner \(mode 0700\).*give it mode 0755"):
            call()


def test_create_only_refuses_a_second_file(store: Store, root: Path) -> None:
    store.put("a", b"1", NONE, create_only=True)
    with pytest.raises(ObjectExistsError, match="it exists already"):
        store.put("a", b"2", NONE, create_only=True)
    assert store.get("a") == b"1"
    assert names_in(root) == ["a"]


def test_a_link_whose_answer_was_lost_is_ones_own(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.link

    def twice(*args: Any, **kwargs: Any) -> None:
        # An NFS client that got no answer sends the request again.
        real(*args, **kwargs)
        real(*args, **kwargs)

    monkeypatch.setattr(os, "link", twice)
    store.put("a", b"1", NONE, create_only=True)
    assert store.get("a") == b"1"
    assert names_in(root) == ["a"]


def test_a_file_system_without_hard_links_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(FinalError, match=r"has no hard links.*use one that has"):
        store.put("a", b"1", NONE, create_only=True)


def test_bytes_are_on_the_disk_before_the_name_is(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        order.append("sync folder" if target == root else f"sync {os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def watched_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    store.put("warm", b"", NONE)
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    store.put("a", b"abc", NONE)
    assert order == ["sync 3 bytes", "rename", "sync folder"]


def test_a_failed_write_leaves_nothing(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a", b"old", NONE)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FinalError, match="its file system is full; make room, or remove old releases"):
        store.put("a", b"new", NONE)
    assert store.get("a") == b"old"
    assert names_in(root) == ["a"]


def test_parts_of_killed_runs_are_removed_and_never_listed(store: Store, root: Path) -> None:
    parts = root / store_file.PARTS
    parts.mkdir()
    for name, age in (("old", 2 * store_file.STALE), ("growing", 60.0)):
        (parts / name).write_bytes(b"part")
        os.utime(parts / name, (time.time() - age,) * 2)
    assert list(store.iterate()) == []
    store.put("a", b"1", NONE)
    assert names_in(root) == [".parts/growing", "a"]


def test_delete_removes_empty_folders_but_not_the_store(store: Store, root: Path) -> None:
    for name in ("v1/css/a.css", "v1/css/b.css", "v1/a.js"):
        store.put(name, b"1", NONE)
    store.delete(["v1/css/a.css", "v1/css/b.css"])
    assert [name for name, _stored in store.iterate()] == ["v1/a.js"]
    assert not (root / "v1/css").exists()
    store.delete(["v1/a.js", "v1/a.js"])
    assert list(store.iterate()) == []
    assert root.is_dir()


def test_f1_a_file_system_that_is_not_mounted_is_told(root: Path) -> None:
    root.rmdir()
    store = open_store(f"file://{root}", StoreOptions())
    calls = (
        store.check_access,
        lambda: store.find(["a"]),
        lambda: list(store.iterate()),
        lambda: store.get("a"),
        lambda: store.head("a"),
        lambda: store.put("a", b"", NONE),
        lambda: store.delete(["a"]),
    )
    for call in calls:
        with pytest.raises(FinalError, match=f"There is no folder {root} on .*; mount the file system"):
            call()
    assert not root.exists()


def test_a_folder_that_vanishes_in_the_middle_is_not_made_anew(store: Store, root: Path) -> None:
    store.put("css/a.css", b"1", NONE)
    root.rename(root.parent / "unmounted")
    with pytest.raises(FinalError, match="There is no folder"):
        store.put("css/b.css", b"1", NONE)
    assert not root.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without rights")
def test_missing_permission_is_explained() -> None:
    code = (
        "import os, sys\n"
        "from ansible_collections.trundle.django.plugins.module_utils import store as stores\n"
        "os.setuid(65534)\n"
        "store = stores.open_store(sys.argv[1], stores.StoreOptions())\n"
        "for call in (store.check_access, lambda: store.put('a', b'', {})):\n"
        "    try: call()\n"
        "    except stores.FinalError as exc: print(exc.message)\n"
    )
    # pytest's own folders are closed to other users.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        told = subprocess.run(
            [sys.executable, "-c", code, f"file://{folder}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert list(Path(folder).iterdir()) == []
    lines = told.stdout.splitlines()
    assert len(lines) == 2, told.stderr
    for line in lines:
        assert "the user 65534 may not do that; give this user, or a group of it, the right to write there" in line


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: without a disk's pauses builders meet more often."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_two_builders_at_once(memory: Path) -> None:
    """Every file is whole whenever it is looked at, each record is created once, and no folder gets in the way."""
    store = open_store(f"file://{memory}", StoreOptions())
    builders = [
        subprocess.Popen(
            [sys.executable, BUILDER, store.location.url, str(number)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in (1, 2, 3)
    ]
    broken = []
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(builder.communicate, "go\n", timeout=60) for builder in builders]
        while not all(answer.done() for answer in answers):
            for name, _stored in store.iterate():
                content = store.get(name)
                if content is not None and (len(content) != 200_000 or len(set(content)) != 1):
                    broken.append(name)
    assert [builder.returncode for builder in builders] == [0, 0, 0]
    assert sum(int(answer.result()[0]) for answer in answers) == 100
    assert broken == []
    assert len(names_in(memory)) == 200
