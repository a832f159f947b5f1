# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import lifecycle, manifest, record
from ansible_collections.trundle.django.plugins.module_utils import state as states
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.lifecycle import Host
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree

GOLDEN = Path(__file__).parents[3] / "golden"


@pytest.fixture(name="tree")
def tree_fixture(tmp_path: Path) -> Tree:
    tree = Tree(str(tmp_path / "shop"))
    tree.create()
    return tree


def code(path: Path, **files: str) -> Path:
    folder = path.parent / "code"
    folder.mkdir(exist_ok=True)
    for name, text in {"manage_py": "code", **files}.items():
        (folder / name.replace("_", ".")).write_text(text)
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, arcname=".")
    return path


def finish(tree: Tree, release: str) -> None:
    """Put a manifest and the record of this release into its folder."""
    found = replace(record.parse((GOLDEN / "release-v1.json").read_bytes()), release=release)
    (tree.folder(release) / "staticfiles.json").write_bytes((GOLDEN / "staticfiles-v1.json").read_bytes())
    (tree.folder(release) / "release.json").write_bytes(record.dumps(found))


def put(tree: Tree, *releases: str, whole: bool = True) -> None:
    for release in releases:
        tree.stage(release, None, owner=None, group=None)
        if whole:
            finish(tree, release)


def run(tree: Tree, plan: lifecycle.Plan) -> Host:
    """Apply the plan, and check that the result is what was planned."""
    host = lifecycle.read(tree)
    lifecycle.apply(tree, host, plan)
    found = lifecycle.read(tree)
    assert found == lifecycle.after(host, plan)
    return found


def activate(tree: Tree, *releases: str) -> Host:
    for release in releases:
        plan = lifecycle.plan_active(lifecycle.read(tree), tree, release, retry_bad=False, dry_run=False)
        run(tree, plan)
    return lifecycle.read(tree)


def retire(tree: Tree, *, keep: int, protect: tuple[str, ...] = ()) -> tuple[str, ...]:
    host = lifecycle.read(tree)
    plan = lifecycle.plan_retire(
        host, keep=keep, protect=protect, running=tree.running(), leftovers=bool(tree.leftovers())
    )
    run(tree, plan)
    return plan.remove


def test_a_relative_root_is_refused() -> None:
    with pytest.raises(TrundleError, match="not an absolute path"):
        Tree("srv/shop")


def test_stage_unpacks_into_a_folder_of_its_own(tree: Tree, tmp_path: Path) -> None:
    tree.stage("v1", code(tmp_path / "v1.tar.gz", app_py="v1"), owner=None, group=None)
    assert sorted(path.name for path in tree.folder("v1").iterdir()) == ["app.py", "manage.py"]
    assert tree.folder("v1").stat().st_mode & 0o777 == 0o755
    assert tree.found() == {"v1": False}
    assert tree.leftovers() == []


def test_a_record_in_the_archive_does_not_make_a_release_whole(tree: Tree, tmp_path: Path) -> None:
    tree.stage("v1", code(tmp_path / "v1.tar.gz", release_json="{}"), owner=None, group=None)
    assert tree.found() == {"v1": False}


def test_a_stage_that_fails_leaves_nothing(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "broken.tar.gz").write_bytes(b"\x1f\x8b no archive")
    with pytest.raises(TrundleError, match="Failed to unpack"):
        tree.stage("v1", tmp_path / "broken.tar.gz", owner=None, group=None)
    assert list(tree.releases.iterdir()) == []


def test_a_stage_that_was_cut_off_is_done_anew(tree: Tree, tmp_path: Path) -> None:
    put(tree, "v1", whole=False)
    (tree.folder("v1") / "half.py").touch()
    (tree.releases / ".staging-v1").mkdir()
    (tree.releases / ".staging-v1" / "half.py").touch()
    plan = lifecycle.plan_present(lifecycle.read(tree), tree, "v1", has_src=True, retry_bad=False)
    lifecycle.apply(tree, lifecycle.read(tree), plan, src=code(tmp_path / "v1.tar.gz"))
    assert [path.name for path in tree.folder("v1").iterdir()] == ["manage.py"]


def test_a_whole_release_is_not_staged_again(tree: Tree) -> None:
    put(tree, "v1")
    host = lifecycle.read(tree)
    assert not lifecycle.plan_present(host, tree, "v1", has_src=True, retry_bad=False).changes(host)


def test_an_incomplete_release_without_an_archive_is_left_as_it_is(tree: Tree) -> None:
    put(tree, "v1", whole=False)
    host = lifecycle.read(tree)
    assert not lifecycle.plan_present(host, tree, "v1", has_src=False, retry_bad=False).changes(host)


def test_a_missing_archive_is_told_before_anything_is_changed(tree: Tree, tmp_path: Path) -> None:
    host = lifecycle.read(tree)
    plan = lifecycle.plan_present(host, tree, "v1", has_src=True, retry_bad=False)
    with pytest.raises(TrundleError, match="there is no archive"):
        lifecycle.apply(tree, host, plan, src=tmp_path / "none.tar.gz")
    assert list(tree.releases.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_and_group_of_the_tree(tree: Tree, tmp_path: Path) -> None:
    tree.stage("v1", code(tmp_path / "v1.tar.gz"), owner="12", group="13")
    for path in (tree.folder("v1"), tree.folder("v1") / "manage.py"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12, 13)


def test_activation_links_and_remembers(tree: Tree) -> None:
    put(tree, "v1", "v2")
    host = activate(tree, "v1", "v2")
    assert (host.state.active, host.previous, host.linked) == ("v2", "v1", "v2")
    assert tree.current.resolve() == tree.folder("v2")
    plan = lifecycle.plan_active(host, tree, "v2", retry_bad=False, dry_run=False)
    assert not plan.changes(host)


def test_an_activation_that_was_cut_off_is_completed(tree: Tree) -> None:
    put(tree, "v1", "v2")
    activate(tree, "v1")
    tree.link("v2")
    host = lifecycle.read(tree)
    assert lifecycle.plan_active(host, tree, "v1", retry_bad=False, dry_run=False).link == "v1"
    assert activate(tree, "v2").state.active == "v2"


def test_only_a_whole_release_becomes_active(tree: Tree) -> None:
    put(tree, "half", whole=False)
    for release, message in (("half", "is not complete"), ("none", "is not on this host")):
        with pytest.raises(TrundleError, match=message):
            activate(tree, release)
    assert lifecycle.read(tree).state == states.State()


def test_f3_a_folder_with_the_manifest_of_another_release_does_not_become_active(tree: Tree) -> None:
    put(tree, "v1", "v2")
    (tree.folder("v2") / "release.json").write_bytes((tree.folder("v1") / "release.json").read_bytes())
    with pytest.raises(TrundleError, match="the record of another release, 'v1'"):
        activate(tree, "v2")
    finish(tree, "v2")
    other = b'{"version": "1.1", "paths": {}}'
    assert manifest.parse(other)
    (tree.folder("v2") / "staticfiles.json").write_bytes(other)
    with pytest.raises(TrundleError, match="does not belong to release 'v2'"):
        activate(tree, "v2")
    (tree.folder("v2") / "staticfiles.json").unlink()
    with pytest.raises(TrundleError, match=r"has no staticfiles\.json"):
        activate(tree, "v2")


def test_a_dry_run_accepts_a_release_that_is_not_staged_yet(tree: Tree) -> None:
    put(tree, "v1")
    host = activate(tree, "v1")
    plan = lifecycle.plan_active(host, tree, "v2", retry_bad=False, dry_run=True)
    assert plan.changes(host)
    assert lifecycle.after(host, plan).state.active == "v2"


def test_a_bad_release_is_refused_until_it_is_tried_again_on_purpose(tree: Tree) -> None:
    put(tree, "v1", "v2")
    activate(tree, "v1")
    host = run(tree, lifecycle.plan_bad(lifecycle.read(tree), "v2", reason="serves 503"))
    with pytest.raises(TrundleError, match=r"bad since .*: serves 503"):
        activate(tree, "v2")
    with pytest.raises(TrundleError, match="set retry_bad"):
        lifecycle.plan_present(host, tree, "v2", has_src=True, retry_bad=False)
    host = run(tree, lifecycle.plan_present(host, tree, "v2", has_src=True, retry_bad=True))
    assert host.state.bad == {}
    assert activate(tree, "v2").state.active == "v2"


def test_f23_rollback_target_does_not_depend_on_time_stamps(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3", "bad", "newest")
    put(tree, "half", whole=False)
    activate(tree, "v1", "v2", "bad", "v3")
    run(tree, lifecycle.plan_bad(lifecycle.read(tree), "bad", reason="slow"))
    releases = list(tree.found())
    for order in (releases, releases[::-1]):
        for number, release in enumerate(order):
            os.utime(tree.folder(release), (number, number))
        assert lifecycle.read(tree).previous == "v2"
    # The target is gone from the disk, or lost its record: the one before it is next.
    (tree.folder("v2") / "release.json").unlink()
    assert lifecycle.read(tree).previous == "v1"
    # After the way back, what was left is no target again.
    finish(tree, "v2")
    host = activate(tree, "v2")
    assert (host.state.active, host.previous) == ("v2", "v1")


def test_f24_retire_never_removes_live_previous_protected_or_running(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3", "v4", "v5", "v6")
    activate(tree, "v1", "v2", "v3", "v4", "v5", "v6")
    # As an old worker that still finishes its request does.
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], cwd=tree.folder("v2"))
    try:
        assert retire(tree, keep=1, protect=("v3",)) == ("v1", "v4")
    finally:
        process.kill()
        process.wait()
    assert sorted(tree.found()) == ["v2", "v3", "v5", "v6"]
    assert retire(tree, keep=1, protect=("v3",)) == ("v2",)
    assert lifecycle.read(tree).state.history == ("v6", "v5", "v3")


def test_f24_a_process_is_seen_by_its_command_line(tree: Tree) -> None:
    put(tree, "v1")
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", f"{tree.folder('v1')}/x.py"])
    try:
        deadline = time.monotonic() + 10
        while tree.running() != {"v1"}:
            assert time.monotonic() < deadline
    finally:
        process.kill()
        process.wait()
    assert tree.running() == set()


def test_f24_failed_releases_never_push_good_ones_out(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3", "bad1", "bad2", "staged")
    put(tree, "half1", "half2", "half3", whole=False)
    # One stayed in the history, as one does that is found to be bad later; the other was undone.
    activate(tree, "v1", "bad1", "v2", "bad2", "v2", "v3")
    for release in ("bad1", "bad2"):
        run(tree, lifecycle.plan_bad(lifecycle.read(tree), release, reason="503"))
    (tree.releases / ".staging-v9").mkdir()
    (tree.releases / ".removed-v0").mkdir()

    assert retire(tree, keep=3) == ("bad1", "bad2", "half1", "half2", "half3", "staged")
    assert sorted(path.name for path in tree.releases.iterdir()) == ["v1", "v2", "v3"]
    assert set(lifecycle.read(tree).state.bad) == {"bad1", "bad2"}
    assert retire(tree, keep=3) == ()


def test_f24_what_half_staged_releases_left_goes_and_counts_for_none(tree: Tree) -> None:
    put(tree, "v1", "v2")
    activate(tree, "v1", "v2")
    for name in ("v3", "v4", ".staging-v5", ".removed-v6"):
        (tree.releases / name).mkdir()
    assert retire(tree, keep=4) == ("v3", "v4")
    assert sorted(path.name for path in tree.releases.iterdir()) == ["v1", "v2"]


def test_f24_one_that_was_staged_and_never_active_pushes_none_out(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3", "v4")
    activate(tree, "v1", "v2", "v3")
    assert retire(tree, keep=3) == ("v4",)


def test_f24_the_live_release_is_kept_even_when_it_is_bad_or_not_in_the_state(tree: Tree) -> None:
    put(tree, "v1", "v2")
    activate(tree, "v1", "v2")
    run(tree, lifecycle.plan_bad(lifecycle.read(tree), "v2", reason="503"))
    assert retire(tree, keep=1) == ()
    tree.state_path.unlink()
    tree.current.unlink()
    assert retire(tree, keep=1) == (), "the state was lost: nobody knows what is in use"


def test_f24_what_an_activation_that_was_cut_off_leads_to_is_kept(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3")
    activate(tree, "v1", "v2")
    run(tree, lifecycle.plan_bad(lifecycle.read(tree), "v2", reason="503"))
    tree.link("v3")
    assert retire(tree, keep=1) == ()


def test_absent_refuses_what_is_in_use(tree: Tree) -> None:
    put(tree, "v1", "v2", "v3")
    host = activate(tree, "v1", "v2", "v3")
    for force in (False, True):
        with pytest.raises(TrundleError, match="is the active one"):
            lifecycle.plan_absent(host, tree, "v3", force=force)
    with pytest.raises(TrundleError, match="a rollback leads to"):
        lifecycle.plan_absent(host, tree, "v2", force=False)
    with subprocess.Popen(["sleep", "60"], cwd=tree.folder("v1")) as process:
        try:
            with pytest.raises(TrundleError, match="A process runs from release 'v1'"):
                lifecycle.plan_absent(host, tree, "v1", force=False)
        finally:
            process.kill()
    host = run(tree, lifecycle.plan_absent(host, tree, "v2", force=True))
    assert host.previous == "v1"
    assert not lifecycle.plan_absent(host, tree, "none", force=False).changes(host)


def test_a_removal_that_is_cut_off_leaves_no_release_that_looks_whole(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tree, "v1")

    def cut_off(_folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Tree, "_delete", staticmethod(lambda folder: cut_off(folder) if folder.exists() else None))
        with pytest.raises(KeyboardInterrupt):
            tree.remove("v1")
    assert tree.found() == {}
    tree.remove_leftovers()
    assert list(tree.releases.iterdir()) == []


def test_one_writer_at_a_time(tree: Tree) -> None:
    order: list[str] = []

    def second() -> None:
        with Tree(str(tree.root)).lock():
            order.append("second")

    with tree.lock():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_root_that_is_a_link_is_resolved(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree.root)
    put(tree, "v1")
    activate(tree, "v1")
    other = Tree(str(tmp_path / "link"))
    assert other.linked() == "v1"
    assert other.folder("v1") == tree.folder("v1")


def test_report_and_details(tree: Tree) -> None:
    put(tree, "v1", "v2-rc", "staged")
    host = activate(tree, "v1", "v2-rc")
    assert lifecycle.report(host) == {
        "active": "v2-rc",
        "previous": "v1",
        "releases": ["v2-rc", "v1", "staged"],
        "bad": {},
    }
    first, _second, last = lifecycle.details(host, tree)
    assert first["instance"] == r"v2\x2drc"
    assert first["path"] == str(tree.folder("v2-rc"))
    assert first["activated"] == host.state.activated["v2-rc"]
    assert (last["release"], last["activated"], last["complete"], last["bad"]) == ("staged", None, True, False)
    json.dumps(lifecycle.as_diff(host))


def test_f24_what_a_host_needs_of_the_store() -> None:
    """What it could go to, what a roll is between, and what still runs, though its folder is gone; nothing else."""
    state = states.State(history=("v2", "v1"), bad={"v3": states.BadMark("503", "now"), "v2": states.BadMark("", "")})
    rolling = states.begin(state, "v3", now="now")
    folders = {"v1": True, "v2": True, "v3": True, "v4": True, "v5": False}
    assert lifecycle.needed(Host(state, folders, "v2"), running=()) == ["v1", "v2", "v4"]
    assert lifecycle.needed(Host(rolling, folders, "v2"), running=("v5", "v0", ".removed-v9")) == [
        *("v0", "v1", "v2", "v3", "v4", "v5")
    ]
    # Its folder is gone: no rollback leads there, whatever the history says.
    assert lifecycle.needed(Host(rolling, {"v2": True}, "v2"), running=()) == ["v2"]


def test_f22_the_first_release_of_all_is_active_no_more(tree: Tree) -> None:
    put(tree, "v1")
    run(tree, lifecycle.plan_begun(lifecycle.read(tree), "v1"))
    assert activate(tree, "v1").linked == "v1"
    host = run(tree, lifecycle.plan_inactive(lifecycle.read(tree), "v1"))
    assert (host.state.active, host.linked, host.state.roll is not None) == (None, None, True)
    assert host.releases == {"v1": True}
    assert not lifecycle.plan_inactive(host, "v1").changes(host)


def test_a_link_that_was_made_before_the_state_goes_too(tree: Tree) -> None:
    put(tree, "v1")
    tree.link("v1")
    assert run(tree, lifecycle.plan_inactive(lifecycle.read(tree), "v1")).linked is None


def test_a_release_that_followed_another_one_stays_active(tree: Tree) -> None:
    put(tree, "v1", "v2")
    activate(tree, "v1", "v2")
    with pytest.raises(TrundleError, match="Release 'v2' followed 'v1' on this host: activate that one instead"):
        lifecycle.plan_inactive(lifecycle.read(tree), "v2")
    host = lifecycle.read(tree)
    assert not lifecycle.plan_inactive(host, "v1").changes(host)
