# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.trundle.django.plugins.module_utils import virtualenv
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.releases import Tree
from ansible_collections.trundle.django.plugins.module_utils.virtualenv import Installer
from ansible_collections.trundle.django.tests.unit.plugins.module_utils.conftest import BUILD, on_hosts

pytestmark = on_hosts

# The one that makes the environments of the tests.
UV = str(BUILD / "bootstrap" / "bin" / "uv")
METADATA = "Metadata-Version: 2.1\nName: wheelwright\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write_wheel(folder: Path, text: str) -> Path:
    """A package that is installed without asking an index."""
    path = folder / "wheelwright-1.0-py3-none-any.whl"
    info = "wheelwright-1.0.dist-info"
    content = {"wheelwright.py": text, f"{info}/METADATA": METADATA, f"{info}/WHEEL": WHEEL}
    record = "".join(f"{name},,\n" for name in (*content, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**content, f"{info}/RECORD": record}.items():
            # With no time of its own: the same package is the same bytes.
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What installs: made once, since that takes seconds."""
    folder = tmp_path_factory.mktemp("installer") / ".pip"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    (folder / virtualenv.MARKER).touch()
    return folder


@pytest.fixture
def tree(tmp_path: Path, pip: Path) -> Tree:
    made = Tree(str(tmp_path / "shop"))
    made.root.mkdir()
    (made.root / ".pip").symlink_to(pip)
    return made


def stage(tree: Tree, release: str, text: str = 'EDITION = "first"\n', requirements: str = "") -> Path:
    folder = tree.folder(release)
    folder.mkdir(parents=True)
    wheel = write_wheel(folder, text)
    (folder / "requirements.txt").write_text(requirements or f"./{wheel.name}\n")
    return folder / "requirements.txt"


def find(tree: Tree, release: str) -> virtualenv.Environment:
    requirements = tree.folder(release) / "requirements.txt"
    return virtualenv.find(tree.root, release, python=sys.executable, requirements=requirements)


def provide(tree: Tree, release: str, uv: str | None = None) -> virtualenv.Environment:
    environment = find(tree, release)
    virtualenv.link(environment, tree.folder(release))
    if not virtualenv.is_ready(environment):
        requirements = tree.folder(release) / "requirements.txt"
        virtualenv.make(environment, tree.root, installer=Installer(sys.executable, uv), requirements=requirements)
    return environment


def edition(tree: Tree, release: str) -> str:
    python = tree.folder(release) / ".venv" / "bin" / "python"
    program = "import wheelwright; print(wheelwright.EDITION)"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_releases_with_the_same_requirements_share_an_environment(tree: Tree) -> None:
    stage(tree, "v1")
    stage(tree, "v2")
    first = provide(tree, "v1")
    second = find(tree, "v2")
    assert first == second
    assert virtualenv.is_ready(second)
    assert not virtualenv.is_linked(second, tree.folder("v2"))
    assert provide(tree, "v2") == first
    assert virtualenv.is_linked(second, tree.folder("v2"))
    assert edition(tree, "v2") == "first"


def hash_of(tree: Tree, release: str) -> str:
    wheel = tree.folder(release) / "wheelwright-1.0-py3-none-any.whl"
    return f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("uv", [None, UV], ids=["pip", "uv"])
def test_hashes_decide_what_is_installed(tree: Tree, uv: str | None) -> None:
    requirements = stage(tree, "v1")
    line = "--no-index\n--find-links .\nwheelwright==1.0 {}\n"
    requirements.write_text(line.format(hash_of(tree, "v1")))
    provide(tree, "v1", uv)
    assert edition(tree, "v1") == "first"
    requirements = stage(tree, "v2", 'EDITION = "forged"\n')
    requirements.write_text(line.format(hash_of(tree, "v1")) + "# another one\n")
    with pytest.raises(TrundleError, match=r"(?s)Failed to install .*requirements\.txt: .*(?i:hash)"):
        provide(tree, "v2", uv)
    assert not virtualenv.is_ready(find(tree, "v2"))


@pytest.mark.parametrize("uv", [None, UV], ids=["pip", "uv"])
def test_one_hash_asks_for_all(tree: Tree, uv: str | None) -> None:
    requirements = stage(tree, "v1")
    requirements.write_text("--no-index\n--find-links .\n-r more.txt\nwheelwright==1.0\n")
    (tree.folder("v1") / "more.txt").write_text(f"other==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(TrundleError, match=r"Failed to install .*[Hh]ash"):
        provide(tree, "v1", uv)


def test_uv_installs_without_pip(tree: Tree) -> None:
    (tree.root / ".pip").unlink()
    stage(tree, "v1")
    environment = provide(tree, "v1", UV)
    assert edition(tree, "v1") == "first"
    assert not (tree.root / ".pip").exists()
    assert list(environment.path.glob("lib/*/site-packages/__pycache__/wheelwright.*.pyc"))


def test_pip_is_installed_where_it_is_not(tree: Tree) -> None:
    (tree.root / ".pip").unlink()
    stage(tree, "v1")
    provide(tree, "v1")
    assert edition(tree, "v1") == "first"


def test_f28_pip_that_a_full_disk_cut_off_is_installed_anew(tree: Tree) -> None:
    (tree.root / ".pip").unlink()
    (tree.root / ".pip" / "bin").mkdir(parents=True)
    (tree.root / ".pip" / "bin" / "pip").touch(mode=0o755)
    stage(tree, "v1")
    provide(tree, "v1")
    assert edition(tree, "v1") == "first"


def test_a_package_that_comes_with_the_release_is_part_of_its_requirements(tree: Tree) -> None:
    stage(tree, "v1")
    stage(tree, "v2", 'EDITION = "second"\n')
    assert provide(tree, "v1").path != provide(tree, "v2").path
    assert (edition(tree, "v1"), edition(tree, "v2")) == ("first", "second")


def test_an_environment_that_was_cut_off_is_made_anew(tree: Tree) -> None:
    stage(tree, "v1")
    environment = provide(tree, "v1")
    (environment.path / virtualenv.MARKER).unlink()
    assert not virtualenv.is_ready(environment)
    provide(tree, "v1")
    assert virtualenv.is_ready(environment)
    assert edition(tree, "v1") == "first"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Django>=5.2\n", "Django>=5.2"),
        ("Django==5.2.*\n", "Django==5.2.*"),
        ("Django\n", "Django"),
        ("-e .\n", "-e ."),
        ("git+https://example.com/a.git\n", "git+https://example.com/a.git"),
        ("a==1\n.\n", "."),
        ("-r more.txt\n", "gunicorn~=23.0"),
    ],
)
def test_open_requirements_are_not_shared(tree: Tree, text: str, line: str) -> None:
    stage(tree, "v1", requirements=text)
    (tree.folder("v1") / "more.txt").write_text("gunicorn~=23.0\n")
    environment = find(tree, "v1")
    assert environment.path == tree.folder("v1") / ".venv"
    assert environment.own == f"'{line}' names no fixed version"


@pytest.mark.parametrize(
    "text",
    [
        "Django==5.2.8\npsycopg[binary]==3.2 ; python_version > '3.8'  # the driver\n",
        "--index-url https://example.com/simple\nDjango===5.2.8 \\\n    --hash=sha256:0123\n",
        "-r more.txt\n--constraint=more.txt\n\n# nothing else\n",
    ],
)
def test_pinned_requirements_are_shared(tree: Tree, text: str) -> None:
    stage(tree, "v1", requirements=text)
    (tree.folder("v1") / "more.txt").write_text("gunicorn==23.0.0\n-r requirements.txt\n")
    assert find(tree, "v1").own is None


def test_an_included_file_is_part_of_the_requirements(tree: Tree) -> None:
    for release, version in (("v1", "23.0.0"), ("v2", "23.0.1")):
        stage(tree, release, requirements="-r more.txt\n")
        (tree.folder(release) / "more.txt").write_text(f"gunicorn=={version}\n")
    assert find(tree, "v1").key != find(tree, "v2").key


def test_what_cannot_be_installed_is_told(tree: Tree) -> None:
    stage(tree, "v1", requirements="--no-index\nno-such-package==1.0\n")
    with pytest.raises(TrundleError, match=r"Failed to install .*requirements\.txt: ERROR: .*no-such-package==1\.0"):
        provide(tree, "v1")
    assert not virtualenv.is_ready(find(tree, "v1"))


def test_a_missing_file_or_interpreter_is_named(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(TrundleError, match=r"There is no requirements file .*nowhere\.txt"):
        virtualenv.read_requirements(tmp_path / "nowhere.txt")
    requirements = stage(tree, "v1")
    with pytest.raises(TrundleError, match=r"Failed to ask no-such-python for its version: No such file"):
        virtualenv.find(tree.root, "v1", python="no-such-python", requirements=requirements)


def test_an_environment_of_its_own_takes_the_place_of_a_link(tree: Tree) -> None:
    requirements = stage(tree, "v1")
    provide(tree, "v1")
    requirements.write_text("Django\n")
    environment = find(tree, "v1")
    assert not virtualenv.is_linked(environment, tree.folder("v1"))
    virtualenv.link(environment, tree.folder("v1"))
    assert virtualenv.is_linked(environment, tree.folder("v1"))
    assert not (tree.folder("v1") / ".venv").exists()


def test_only_environments_that_no_release_leads_to_are_leftovers(tree: Tree) -> None:
    stage(tree, "v1")
    stage(tree, "v2", 'EDITION = "second"\n')
    first, second = (provide(tree, release) for release in ("v1", "v2"))
    assert tree.leftovers() == []
    tree.remove("v1")
    assert tree.leftovers() == [first.path]
    tree.remove_leftovers()
    assert not first.path.exists()
    assert second.path.exists()
