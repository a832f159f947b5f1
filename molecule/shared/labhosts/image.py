# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of all hosts: built when its inputs change, and only then."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import machine
from .engine import Engine, LabError, call, tune_engine

HERE = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
PULLED = "docker.io/library/debian:12"
REGISTRY = ("registry-1.docker.io", 443)
MADE = f"localhost/trundle-lab-base:{SUITE}"
CONTEXT = ("Containerfile", "requirements-origin.txt", "sshd.conf")


def say(text: str) -> None:
    sys.stderr.write(f"lab: {text}\n")
    sys.stderr.flush()


def inputs() -> machine.Files:
    """Everything that the image is made of: path in the build context -> content."""
    files = {name: (HERE / name).read_bytes() for name in CONTEXT}
    files.update({f"machine/{path}": content for path, content in machine.machine_files(SUITE).items()})
    return files


def digest(files: machine.Files) -> str:
    state = hashlib.sha256(SUITE.encode())
    for path in sorted(files):
        state.update(f"{path}\0{len(files[path])}\0".encode())
        state.update(files[path])
    return state.hexdigest()[:12]


def image_exists(engine: Engine, name: str) -> bool:
    return engine.call("image", "inspect", name, check=False).returncode == 0


@contextlib.contextmanager
def build_lock() -> Iterator[None]:
    """Two labs that come up at once build the image once."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trundle-lab"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "image.lock").open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def registry_reached() -> bool:
    """A quick look, for an engine tries for minutes where packets are swallowed. A proxy may know the way."""
    if os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY"):
        return True
    try:
        with socket.create_connection(REGISTRY, timeout=5):
            return True
    except OSError:
        return False


def bootstrap_command(sources: str, target: str) -> list[str]:
    """Make Debian's smallest system as a tar file, from its packages alone."""
    options = ["--variant=minbase", "--include=ca-certificates", "--aptopt=Acquire::Languages none"]
    command = ["mmdebstrap", *options, SUITE, target, *sources.strip().splitlines()]
    return command if os.geteuid() == 0 else ["sudo", "-n", *command]


def base_image(engine: Engine, sources: str) -> str:
    """The name of a Debian base: what is here, else pulled, else made."""
    for name in (PULLED, MADE):
        if image_exists(engine, name):
            return name
    if registry_reached() and engine.call("pull", "--quiet", PULLED, check=False, timeout=300).returncode == 0:
        return PULLED
    if not shutil.which("mmdebstrap"):
        raise LabError("No image registry is reached and mmdebstrap is not installed: run molecule/shared/setup.sh")
    say("no image registry is reached: making the base image from Debian's packages")
    with tempfile.TemporaryDirectory(prefix="trundle-lab-") as folder:
        tarball = str(Path(folder, "base.tar"))
        call(bootstrap_command(sources, tarball))
        engine.call("import", tarball, MADE)
    return MADE


def build_command(engine: Engine, *, base: str, tag: str, folder: str) -> list[str]:
    # Written once, at the end, and not after each step; docker knows no such flag.
    once = ["--layers=false"] if engine.kind == "podman" else []
    options = [*once, *engine.limits, "--label", "trundle-lab-image=1", "--build-arg", f"BASE={base}", "--tag", tag]
    return engine.command("build", *options, folder)


def write_context(folder: Path, files: machine.Files) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    # docker looks for this name only.
    (folder / "Dockerfile").write_bytes(files["Containerfile"])


def ensure_image(engine: Engine) -> tuple[Engine, str]:
    """(engine with the flags that work here, image name), building the image when its inputs changed."""
    files = inputs()
    tag = f"localhost/trundle-lab:{digest(files)}"
    with build_lock():
        if image_exists(engine, tag):
            return tune_engine(engine, tag), tag
        say(f"building the image {tag}")
        base = base_image(engine, files.get("machine/etc/apt/sources.list", b"").decode())
        tuned = tune_engine(engine, base)
        with tempfile.TemporaryDirectory(prefix="trundle-lab-") as folder:
            write_context(Path(folder), files)
            call(build_command(tuned, base=base, tag=tag, folder=folder))
        remove_old_images(tuned, keep=tag)
        return tuned, tag


def remove_old_images(engine: Engine, *, keep: str) -> None:
    """Earlier builds are of no use; one that a running lab still uses is refused by the engine and stays."""
    answer = engine.call(
        "images", "--filter", "label=trundle-lab-image=1", "--format", "{{.Repository}}:{{.Tag}}", check=False
    )
    for name in answer.stdout.split():
        if name != keep and name.startswith("localhost/trundle-lab:"):
            engine.call("rmi", name, check=False)
