# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build runs when its inputs, command, environment or outputs are others than before, and only then."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils import build_step
from ansible_collections.trundle.django.plugins.module_utils.build_step import Built, Step, build
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import OutputCache, tree_digest
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import runs_once

# Joins the sources in capitals, one output a source and one with all, and counts its runs.
COMPILER = """\
import os, pathlib, sys, time

dist = pathlib.Path("dist")
dist.mkdir(exist_ok=True)
total = ""
for source in sorted(pathlib.Path("src").rglob("*.txt")):
    text = source.read_text().upper() + os.environ.get("SUFFIX", "")
    (dist / source.name).write_text(text)
    time.sleep(float(os.environ.get("PAUSE", "0")))
    total += text
(dist / "all").write_text(total)
(dist / "all").chmod(0o755)
(dist / "latest").symlink_to("all")
(dist / "empty").mkdir()
with open("../runs", "a") as stream:
    stream.write("x")
"""


class Project:
    """A folder with sources and a compiler, and the step that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.cache = folder / "cache"
        self.runs_file = folder / "runs"
        self.write("compiler.py", COMPILER)
        self.write("src/a.txt", "a")
        self.write("src/deep/b.txt", "b")
        self.step = Step(
            command=[sys.executable, "compiler.py"],
            chdir=self.folder,
            outputs=["dist"],
            inputs=["src/**/*.txt"],
            cache=OutputCache(self.cache, 1 << 20),
        )

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def build(self, *, dry_run: bool = False, **changes: Any) -> Built:
        return build(replace(self.step, **changes), dry_run=dry_run)

    def action(self, **changes: Any) -> str:
        return self.build(**changes).plan.action

    @property
    def runs(self) -> int:
        return self.runs_file.stat().st_size if self.runs_file.exists() else 0

    @property
    def all(self) -> str:
        return (self.folder / "dist" / "all").read_text()

    def everything(self) -> dict[str, Any]:
        """All that a dry run must leave alone."""
        paths = sorted(self.folder.parent.rglob("*"))
        return {str(path): (path.lstat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in paths}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(project: Project, **changes: Any) -> TrundleError:
    with pytest.raises(TrundleError) as caught:
        project.build(**changes)
    return caught.value


def test_it_runs_once(project: Project) -> None:
    first = project.build()
    assert (first.plan.action, first.plan.reason) == ("run", "it has not run here before")
    assert first.warnings == []
    assert project.all == "AB"
    second = project.build()
    assert (second.plan.action, second.plan.reason) == ("skip", "nothing changed")
    assert second.plan.key == first.plan.key
    assert project.runs == 1


def test_times_are_of_no_interest(project: Project) -> None:
    project.build()
    for path in project.folder.rglob("*.txt"):
        os.utime(path, (1, 1))
    assert project.action() == "skip"


def test_a_changed_input_makes_it_run(project: Project) -> None:
    project.build()
    project.write("src/a.txt", "c")
    built = project.build()
    assert (built.plan.action, built.plan.reason) == ("run", "inputs changed: src/a.txt")
    assert project.all == "CB"


def test_a_new_and_a_removed_input_make_it_run_and_leave_nothing_behind(project: Project) -> None:
    project.build()
    project.write("src/c.txt", "c")
    (project.folder / "src/a.txt").unlink()
    assert project.build().plan.reason == "inputs changed: src/a.txt, src/c.txt"
    assert names(project.folder / "dist") == ["all", "b.txt", "c.txt", "empty", "latest"]


def test_many_changed_inputs_are_counted(project: Project) -> None:
    project.build()
    for number in range(8):
        project.write(f"src/n{number}.txt", "n")
    assert project.build().plan.reason.endswith("src/n4.txt and 3 more")


def test_a_file_that_no_pattern_names_does_not_count(project: Project) -> None:
    project.build()
    project.write("src/notes.md", "x")
    assert project.action() == "skip"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"command": [sys.executable, "-B", "compiler.py"]}, "the command changed"),
        ({"environment": {"SUFFIX": "!"}}, "the environment changed"),
    ],
)
def test_another_command_or_environment_makes_it_run(project: Project, changes: dict[str, Any], reason: str) -> None:
    project.build()
    built = project.build(**changes)
    assert (built.plan.action, built.plan.reason) == ("run", reason)
    assert project.action(**changes) == "skip"


def test_another_version_of_a_program_makes_it_run(project: Project) -> None:
    project.write("bin/compiler", "#!/bin/sh\necho 1.0 $SUFFIX\n")
    (project.folder / "bin/compiler").chmod(0o755)
    changes: dict[str, Any] = {
        "versions": [["compiler", "--version"]],
        "path": [str(project.folder / "bin")],
        "environment": {"SUFFIX": "!"},
    }
    project.build(environment={"SUFFIX": "!"})
    assert project.build(**changes).plan.reason == "the versions changed"
    assert project.action(**changes) == "skip"
    project.write("bin/compiler", "#!/bin/sh\necho 1.1 $SUFFIX\n")
    planned = project.build(dry_run=True, **changes).plan
    assert (planned.action, planned.reason) == ("run", "the versions changed")
    assert project.action(**changes) == "run"


@pytest.mark.parametrize(
    ("command", "cause"),
    [(["no-such-program", "-v"], "Failed to start `no-such-program -v`"), (["false"], "tells no version")],
)
def test_a_version_that_cannot_be_had_is_told_of(project: Project, command: list[str], cause: str) -> None:
    assert cause in refused(project, versions=[command]).message
    assert project.runs == 0


def test_the_environment_reaches_the_command_and_is_not_written_anywhere(project: Project) -> None:
    project.build(environment={"SUFFIX": "-hunter2-", "GONE": None})
    assert project.all == "A-hunter2-B-hunter2-"
    assert "hunter2" not in project.step.state_path.read_text()


def test_outputs_of_earlier_inputs_are_restored(project: Project) -> None:
    project.build()
    before = tree_digest(project.step.output_paths)
    project.write("src/a.txt", "c")
    project.build()
    project.write("src/a.txt", "a")
    built = project.build()
    assert (built.plan.action, built.plan.reason) == ("restore", "inputs changed: src/a.txt")
    assert tree_digest(project.step.output_paths) == before
    assert os.access(project.folder / "dist/all", os.X_OK)
    assert (project.folder / "dist/latest").readlink() == Path("all")
    assert names(project.folder) == [".trundle", "compiler.py", "dist", "src"]
    assert project.runs == 2
    assert project.action() == "skip"


def test_a_restored_file_has_a_time_of_its_own(project: Project) -> None:
    """Or a collection that knows another file of that size and time would not read it."""
    project.build()
    first = (project.folder / "dist/all").stat().st_mtime_ns
    project.write("src/a.txt", "c")
    project.build()
    project.write("src/a.txt", "a")
    assert project.action() == "restore"
    assert (project.folder / "dist/all").stat().st_mtime_ns > first


def test_another_checkout_has_them_from_the_cache(project: Project, tmp_path: Path) -> None:
    project.build()
    other = tmp_path / "other"
    shutil.copytree(project.folder / "src", other / "src")
    assert project.action(chdir=other) == "restore"
    assert (other / "dist/all").read_text() == "AB"
    assert project.runs == 1


def test_outputs_that_are_there_already_are_taken_as_they_are(project: Project) -> None:
    project.build()
    shutil.rmtree(project.folder / ".trundle")
    built = project.build()
    assert (built.plan.action, built.plan.reason) == ("skip", "the outputs are there already")
    assert project.build().plan.reason == "nothing changed"


def test_without_a_cache_it_runs_again(project: Project) -> None:
    project.build(cache=None)
    project.write("src/a.txt", "c")
    project.build(cache=None)
    project.write("src/a.txt", "a")
    assert project.action(cache=None) == "run"
    assert project.action(cache=None) == "skip"
    assert not project.cache.exists()


@pytest.mark.parametrize("damage", ["written", "removed", "added", "mode"])
@pytest.mark.parametrize("cached", [True, False])
def test_damaged_outputs_are_made_good(project: Project, damage: str, cached: bool) -> None:
    changes: dict[str, Any] = {} if cached else {"cache": None}
    project.build(**changes)
    whole = tree_digest(project.step.output_paths)
    path = project.folder / "dist" / "all"
    if damage == "written":
        path.write_text("XY")
    elif damage == "removed":
        path.unlink()
    elif damage == "added":
        path.with_name("stranger").write_text("")
    else:
        path.chmod(0o644)
    built = project.build(**changes)
    assert (built.plan.action, built.plan.reason) == (
        "restore" if cached else "run",
        "the outputs are not what it made: dist",
    )
    assert tree_digest(project.step.output_paths) == whole


def test_a_damaged_cache_is_found_and_the_command_runs(project: Project) -> None:
    project.build()
    for path in project.cache.glob("*/0/all"):
        path.write_text("damaged")
    shutil.rmtree(project.folder / "dist")
    built = project.build()
    assert built.plan.action == "run"
    assert "damaged" in built.warnings[0]
    assert project.all == "AB"
    shutil.rmtree(project.folder / "dist")
    assert project.action() == "restore"


def test_a_damaged_state_is_none(project: Project) -> None:
    project.build()
    project.step.state_path.write_text("{")
    assert project.build().plan.reason == "the outputs are there already"


def test_the_cache_keeps_its_size(project: Project) -> None:
    project.write("src/a.txt", "z")
    project.build()
    # What a folder takes differs by file system.
    size = int(names(project.cache)[0].rpartition(".")[2])
    cache = OutputCache(project.cache, size * 5 // 2)
    for letter in "abcdefgh":
        project.write("src/a.txt", letter)
        assert project.action(cache=cache) == "run"
    assert len(names(project.cache)) == 2
    project.write("src/a.txt", "g")
    assert project.action(cache=cache) == "restore"
    project.write("src/a.txt", "a")
    assert project.action(cache=cache) == "run"


def test_check_mode_tells_and_changes_nothing(project: Project) -> None:
    before = project.everything()
    assert project.action(dry_run=True) == "run"
    assert project.everything() == before
    project.build()
    project.write("src/a.txt", "c")
    project.build()
    project.write("src/a.txt", "a")
    before = project.everything()
    planned = project.build(dry_run=True).plan
    assert (planned.action, planned.reason) == ("restore", "inputs changed: src/a.txt")
    assert planned.before["src/a.txt"] != planned.inputs["src/a.txt"]
    assert project.everything() == before


def test_all_files_but_outputs_and_what_tools_leave_are_inputs_by_default(project: Project) -> None:
    for name in (".git/HEAD", "node_modules/x/index.js", "src/__pycache__/x.pyc", ".browserslistrc"):
        project.write(name, "x")
    inputs = project.build(inputs=None).plan.inputs
    assert list(inputs) == [".browserslistrc", "compiler.py", "src/a.txt", "src/deep/b.txt"]
    assert project.action(inputs=None) == "skip"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("src", ["src/a.txt", "src/deep/b.txt"]),
        ("src/*", ["src/a.txt"]),
        ("src/**", ["src/a.txt", "src/deep/b.txt"]),
        ("**/*.txt", ["src/a.txt", "src/deep/b.txt"]),
        ("../shared.txt", ["../shared.txt"]),
        ("node_modules/*.txt", ["node_modules/c.txt"]),
        ("src/[ab].txt", ["src/a.txt"]),
    ],
)
def test_patterns(project: Project, pattern: str, expected: list[str]) -> None:
    project.write("node_modules/c.txt", "c")
    project.write("../shared.txt", "s")
    assert list(project.build(inputs=[pattern]).plan.inputs) == expected


def test_an_output_is_no_input_whatever_the_patterns_say(project: Project) -> None:
    project.build(inputs=["**"])
    assert project.action(inputs=["**"]) == "skip"


def test_a_link_that_leads_nowhere_is_an_input_too(project: Project) -> None:
    (project.folder / "src/gone.txt").symlink_to("nowhere")
    assert project.build(inputs=["src"], command=["mkdir", "dist"]).plan.inputs["src/gone.txt"] == "link nowhere"


def test_names_that_are_no_text(project: Project) -> None:
    project.build()
    project.write(os.fsdecode(b"src/\xff.txt"), "y")
    built = project.build()
    assert built.plan.reason == "inputs changed: src/\ufffd.txt"
    assert project.action() == "skip"


def test_a_pattern_that_matches_nothing_is_refused(project: Project) -> None:
    message = refused(project, inputs=["src/*.txt", "scss/*.scss"]).message
    assert message == f"No file in {project.folder} matches 'scss/*.scss' of the inputs."
    assert project.runs == 0


def test_an_output_that_was_not_made_is_refused(project: Project) -> None:
    error = refused(project, outputs=["dist", "build/app.css"])
    assert error.message.endswith("ended well, but did not make 'build/app.css' of its outputs.")
    assert project.action(dry_run=True, outputs=["dist", "build/app.css"]) == "run"


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (["/srv/dist"], "is not relative to"),
        (["."], "holds the folder that the command runs in"),
        (["../"], "holds the folder that the command runs in"),
        (["dist", "dist/all"], "holds another one"),
        (["dist", "./dist/"], "holds another one"),
        ([], "Name the files or folders"),
    ],
)
def test_outputs_that_are_refused(project: Project, outputs: list[str], message: str) -> None:
    assert message in refused(project, outputs=outputs).message
    assert project.runs == 0


def test_a_failure_names_command_status_and_last_lines_without_secrets(project: Project) -> None:
    project.build()
    whole = tree_digest(project.step.output_paths)
    text = "rm -r dist; mkdir dist; for n in $(seq 30); do echo line $n; done; echo $TOKEN; exit 3"
    error = refused(project, command=["sh", "-c", text], environment={"TOKEN": "hunter2"})
    assert error.message.startswith("`sh -c 'rm ")
    assert f"in {project.folder} ended with exit status 3, after:\nline 12\n" in error.message
    assert error.message.endswith("line 30\n********")
    assert error.details["status"] == 3
    assert error.details["output"][-2:] == ["line 30", "********"]
    assert tree_digest(project.step.output_paths) == whole
    assert project.action() == "skip"


def test_a_command_that_is_not_there(project: Project) -> None:
    message = refused(project, command=["no-such-program", "x"]).message
    assert message == f"Failed to start `no-such-program x` in {project.folder}: No such file or directory."


def test_programs_are_looked_up_in_path_first(project: Project) -> None:
    project.write("bin/own-compiler", "#!/bin/sh\nmkdir dist\n")
    (project.folder / "bin/own-compiler").chmod(0o755)
    assert project.action(command=["own-compiler"], path=[str(project.folder / "bin")]) == "run"


def test_a_command_that_changes_its_inputs_is_told_of(project: Project) -> None:
    command = ["sh", "-c", "mkdir dist; echo x >> src/a.txt"]
    assert "made or changed 'src/a.txt'" in project.build(command=command).warnings[0]
    assert project.action(command=command) == "run"


def test_outputs_can_be_left_in_place(project: Project) -> None:
    command = ["sh", "-c", "mkdir -p dist; cat src/*.txt >> dist/log"]
    project.build(command=command, clean=False)
    project.write("src/a.txt", "c")
    project.build(command=command, clean=False)
    assert (project.folder / "dist/log").read_text() == "ac"


def test_what_a_command_leaves_running_is_ended(project: Project) -> None:
    command = ["sh", "-c", "mkdir dist; (sleep 1; touch dist/late) & true"]
    project.build(command=command)
    time.sleep(1.2)
    assert project.action(command=command) == "skip"


PROGRAM = """
import sys
from pathlib import Path
from ansible_collections.trundle.django.plugins.module_utils.build_step import Step, build
from ansible_collections.trundle.django.plugins.module_utils.build_step_files import OutputCache

folder, cache, pause = sys.argv[1:]
step = Step([sys.executable, "compiler.py"], Path(folder), ["dist"], ["src/**/*.txt"], {"PAUSE": pause},
            cache=OutputCache(Path(cache), 1 << 20) if cache else None)
print("ready", flush=True)
build(step)
"""


def start(project: Project, *, pause: float, cached: bool) -> subprocess.Popen[bytes]:
    arguments = [str(project.folder), str(project.cache) if cached else "", str(pause)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], env=environment, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


@runs_once
@pytest.mark.parametrize("cached", [True, False])
def test_killed_at_any_moment_it_comes_right_in_the_next_run(project: Project, cached: bool) -> None:
    """Inputs go to and fro between three contents, so that runs and restorations are killed."""
    dice = random.Random(7)
    kills = 0
    # How many of them are killed in time differs by machine.
    for number in range(300):
        if number >= 30 and kills >= 10:
            break
        letter = "xyz"[number % 3]
        project.write("src/a.txt", letter)
        process = start(project, pause=0.02, cached=cached)
        try:
            process.wait(timeout=dice.uniform(0, 0.15))
        except subprocess.TimeoutExpired:
            process.kill()
            # It may have ended by itself in between.
            kills += process.wait() == -signal.SIGKILL
        if number % 3:
            changes: dict[str, Any] = {"environment": {"PAUSE": "0.02"}, **({} if cached else {"cache": None})}
            project.build(**changes)
            assert project.all == letter.upper() + "B"
            assert project.action(**changes) == "skip"
            assert names(project.folder) == [".trundle", "compiler.py", "dist", "src"]
    assert kills >= 10


def test_a_run_waits_for_a_command_whose_module_was_killed(project: Project) -> None:
    process = start(project, pause=0.5, cached=True)
    while not (project.folder / "dist").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    started = time.monotonic()
    assert project.action(environment={"PAUSE": "0"}) == "run"
    assert time.monotonic() - started > 0.5
    assert project.runs == 2


def test_a_run_that_does_not_end_is_told_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_step, "LOCK_WAIT", 0.2)
    process = start(project, pause=2, cached=True)
    while not (project.folder / "dist").exists():
        time.sleep(0.01)
    assert "Another run of the build" in refused(project).message
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
