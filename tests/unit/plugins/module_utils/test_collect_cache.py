# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache by itself: contents, damage, bounds, builds side by side."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import collect_cache
from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache
from ansible_collections.trundle.django.plugins.module_utils.collect_prune import DAY, prune

DATA = b"body { color: red }"
SHA256 = hashlib.sha256(DATA).hexdigest()


def new_cache(tmp_path: Path, bound: int = 1 << 20, mode: int = 0o644) -> Cache:
    return Cache(str(tmp_path / "cache"), bound=bound, mode=mode)


def keep(cache: Cache, tmp_path: Path, data: bytes = DATA, name: str = "finished") -> str:
    path = tmp_path / name
    path.write_bytes(data)
    path.chmod(0o644)
    sha256 = hashlib.sha256(data).hexdigest()
    cache.keep(sha256, len(data), str(path), costly=True)
    return sha256


def blobs(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "cache" / "blobs").rglob("*") if path.is_file())


@pytest.fixture(params=["linked", "copied"])
def cache(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    if request.param == "copied":

        def no_link(*_args: object) -> None:
            raise OSError(18, "another file system")

        monkeypatch.setattr(os, "link", no_link)
    return new_cache(tmp_path)


class TestBlobs:
    def test_what_was_kept_is_found(self, cache: Cache, tmp_path: Path) -> None:
        keep(cache, tmp_path)
        later = new_cache(tmp_path)
        assert later.place(SHA256, len(DATA), str(tmp_path / "target"))
        assert (tmp_path / "target").read_bytes() == DATA
        assert (tmp_path / "target").stat().st_mode & 0o777 == 0o644
        assert later.damaged == []

    def test_what_is_not_there_is_not_found(self, cache: Cache, tmp_path: Path) -> None:
        assert not cache.place(SHA256, len(DATA), str(tmp_path / "target"))
        assert not (tmp_path / "target").exists()
        assert cache.damaged == []

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda path: path.write_bytes(b"x" * len(DATA)), id="other bytes"),
            pytest.param(lambda path: path.write_bytes(DATA[:3]), id="cut short"),
            pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        ],
    )
    @pytest.mark.parametrize("known", [True, False])
    def test_a_damaged_one_is_thrown_away_and_told(
        self, tmp_path: Path, damage: collect_cache.Any, known: bool
    ) -> None:
        first = new_cache(tmp_path)
        keep(first, tmp_path)
        first.save_tree("tree", {"files": {}})
        (blob,) = blobs(tmp_path)
        (tmp_path / "finished").unlink()
        damage(blob)
        later = new_cache(tmp_path)
        if known:
            assert later.load_tree("tree")["blobs"] == first.times
        assert not later.place(SHA256, len(DATA), str(tmp_path / "target"))
        assert later.damaged == [blob.name]
        assert blobs(tmp_path) == []

    def test_silent_damage_is_found_by_samples(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = new_cache(tmp_path)
        keep(first, tmp_path)
        (blob,) = blobs(tmp_path)
        status = blob.stat()
        blob.write_bytes(b"x" * len(DATA))
        os.utime(blob, ns=(status.st_atime_ns, status.st_mtime_ns))
        monkeypatch.setattr(collect_cache.random, "random", lambda: 0.0)
        assert not first.place(SHA256, len(DATA), str(tmp_path / "target"))
        assert first.damaged == [blob.name]

    def test_another_mode_is_another_blob(self, tmp_path: Path) -> None:
        keep(new_cache(tmp_path), tmp_path)
        assert not new_cache(tmp_path, mode=0o600).place(SHA256, len(DATA), str(tmp_path / "target"))

    def test_a_folder_that_cannot_be_made_stops_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "cache").write_text("in the way")
        cache = new_cache(tmp_path)
        keep(cache, tmp_path)
        cache.note("key", 1)
        cache.flush()
        cache.save_tree("tree", {})
        assert not cache.place(SHA256, len(DATA), str(tmp_path / "target"))
        assert prune(cache) == 0


class TestFacts:
    def test_they_are_found_by_the_next_run(self, tmp_path: Path) -> None:
        cache = new_cache(tmp_path)
        cache.note("key", {"out": ["a", 1]})
        cache.flush()
        assert new_cache(tmp_path).fact("key") == {"out": ["a", 1]}
        assert new_cache(tmp_path).fact("other") is None

    def test_torn_and_wrong_lines_are_passed_over(self, tmp_path: Path) -> None:
        cache = new_cache(tmp_path)
        cache.note("first", 1)
        cache.flush()
        log = tmp_path / "cache" / "facts.log"
        with log.open("ab") as stream:
            stream.write(log.read_bytes()[:-4] + b'\n00000000["wrong",1]\n\xff\xfe')
        cache.note("second", 2)
        cache.flush()
        later = new_cache(tmp_path)
        assert (later.fact("first"), later.fact("second"), later.fact("wrong")) == (1, 2, None)

    def test_a_log_that_another_build_begins_anew_costs_time_only(self, tmp_path: Path) -> None:
        cache = new_cache(tmp_path)
        for name in ("first", "second"):
            cache.note(name, name)
        cache.flush()
        later = new_cache(tmp_path)
        assert later.fact("first") == "first"
        (tmp_path / "cache" / "facts.log").unlink()
        assert later.fact("second") is None
        for name in ("third", "fourth", "second"):
            cache.note(name, name)
        cache.flush()
        assert later.fact("second") in (None, "second")

    def test_builds_side_by_side_lose_nothing(self, tmp_path: Path) -> None:
        code = (
            "import sys\n"
            "from ansible_collections.trundle.django.plugins.module_utils.collect_cache import Cache\n"
            "cache = Cache(sys.argv[1], bound=1 << 20, mode=0o644)\n"
            "for number in range(300):\n"
            "    cache.note(f'{sys.argv[2]}-{number}', 'x' * 50)\n"
            "    cache.flush()\n"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        running = [
            subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "cache"), name], env=environment)
            for name in "abc"
        ]
        assert [process.wait() for process in running] == [0, 0, 0]
        cache = new_cache(tmp_path)
        assert all(cache.fact(f"{name}-{number}") for name in "abc" for number in range(300))


class TestTrees:
    @pytest.mark.parametrize("count", [0, 1, 1000, 1001])
    def test_one_of_any_size_is_found_as_it_was(self, tmp_path: Path, count: int) -> None:
        tree = {"files": {f"ü{number}": [number, None, {"a": "é"}] for number in range(count)}, "variants": {}}
        new_cache(tmp_path).save_tree("key", tree)
        cache = new_cache(tmp_path)
        assert cache.load_tree("key") == {**tree, "blobs": {}}
        assert cache.damaged == []

    def test_a_damaged_one_is_told_and_not_used(self, tmp_path: Path) -> None:
        cache = new_cache(tmp_path)
        cache.save_tree("key", {"files": {"a": 1}})
        assert new_cache(tmp_path).load_tree("key")["files"] == {"a": 1}
        path = tmp_path / "cache" / "trees" / "key.json"
        path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
        later = new_cache(tmp_path)
        assert later.load_tree("key") == {}
        assert later.damaged == ["key.json"]


class TestBound:
    def fill(self, tmp_path: Path, count: int, bound: int) -> Cache:
        cache = new_cache(tmp_path, bound=bound)
        for number in range(count):
            data = f"{number}".encode() * 100
            sha256 = keep(cache, tmp_path, data, f"f{number}")
            blob = Path(cache.blob_path(cache.blob_name(sha256)))
            (tmp_path / f"f{number}").unlink()
            assert blob.exists()
        return cache

    def test_within_it_nothing_goes(self, tmp_path: Path) -> None:
        assert prune(self.fill(tmp_path, 5, 1 << 20)) == 0
        assert len(blobs(tmp_path)) == 5

    def test_what_was_used_last_stays(self, tmp_path: Path) -> None:
        cache = self.fill(tmp_path, 12, 1000)
        data = b"0" * 100
        used = hashlib.sha256(data).hexdigest()
        assert cache.place(used, 100, str(tmp_path / "target"))
        assert prune(cache) >= 600
        left = [path.name for path in blobs(tmp_path)]
        assert cache.blob_name(used) in left
        assert sum(path.stat().st_size for path in blobs(tmp_path)) <= 800
        assert json.loads((tmp_path / "cache" / "usage.json").read_text())["bytes"] <= 800

    def test_what_killed_runs_left_is_counted(self, tmp_path: Path) -> None:
        self.fill(tmp_path, 20, 1000)  # and then it is killed
        assert prune(new_cache(tmp_path, bound=1000)) > 0

    def test_a_file_too_large_for_it_is_not_kept(self, tmp_path: Path) -> None:
        cache = new_cache(tmp_path, bound=40)
        keep(cache, tmp_path)
        assert not (tmp_path / "cache" / "blobs").exists()

    def test_half_made_copies_go(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache = new_cache(tmp_path)
        left = tmp_path / "cache" / "trees" / ".new.abc"
        left.write_text("half")
        monkeypatch.setattr("time.time", lambda: left.stat().st_ctime + 2 * DAY)
        prune(cache)
        assert not left.exists()
