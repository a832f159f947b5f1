# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects a release's static files into a folder of its own, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import headers, manifest
from ansible_collections.trundle.django.plugins.module_utils.collect_options import (
    STATIC_FOLDER,
    Missing,
    Options,
    worker_request,
)
from ansible_collections.trundle.django.plugins.module_utils.collect_process import run_worker
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.files import atomic_write, fsync_dir, read_bytes
from ansible_collections.trundle.django.plugins.module_utils.project_process import find_python
from ansible_collections.trundle.django.plugins.module_utils.record import (
    MANIFEST_NAME,
    RECORD_NAME,
    FileEntry,
    Record,
    check_release_id,
    differences,
    dumps,
    parse,
    same_content,
)

LISTED = 50

# (python, request, environment) -> what the program in the project's Python answers.
Worker = Callable[[str, Mapping[str, Any], Mapping[str, "str | None"]], dict[str, Any]]


@dataclass(frozen=True)
class Collected:
    """before and after: the names of the package's files in dest; worker: the program's answer."""

    changed: bool
    record: Record
    before: list[str]
    after: list[str]
    manifest_data: bytes
    worker: dict[str, Any]
    warnings: list[str]
    seconds: float


def collect(options: Options, *, worker: Worker = run_worker) -> Collected:
    started = time.monotonic()
    check_release_id(options.release)
    if options.layout == "hashed" and not options.hashed_names:
        raise TrundleError("Names without a hash need layout 'versioned': else releases would overwrite each other.")
    if not (options.project_path / "manage.py").is_file():
        raise TrundleError(f"There is no manage.py in {options.project_path}: is 'project_path' right?")
    python = find_python(options.python, options.project_path)
    present = read_present(options.dest, options.release)
    with workspace(options) as folder:
        answer = worker(python, worker_request(options, folder), options.environment)
        warnings = answer["warnings"] + judge_missing(answer["missing_references"], options.missing_references)
        manifest_data = manifest_bytes(folder)
        record = make_record(options, answer, manifest_data)
        if present is not None:
            record = keep_present(present, record, options.dest)
        changed = present is None or not is_whole(options.dest, present)
        if changed and not options.dry_run:
            atomic_write(folder / RECORD_NAME, dumps(record))
            put_in_place(folder, options.dest)
    return Collected(
        changed=changed,
        record=record,
        before=sorted(present.files) if present else [],
        after=sorted(record.files),
        manifest_data=manifest_data,
        worker=answer,
        warnings=warnings,
        seconds=round(time.monotonic() - started, 3),
    )


def judge_missing(missing: Sequence[Mapping[str, Any]], rule: Missing) -> list[str]:
    """Raise or warn about references to files that do not exist, all of them at once."""
    if not missing or rule == "ignore":
        return []
    lines = [f"{item['file']}, line {item['line']}: {item['reference']}" for item in missing[:LISTED]]
    if len(missing) > LISTED:
        lines.append(f"and {len(missing) - LISTED} more (all in 'missing_references')")
    count = "1 reference" if len(missing) == 1 else f"{len(missing)} references"
    text = f"{count} in static files to what is not there:\n" + "\n".join(lines)
    if rule == "warn":
        return [text]
    raise TrundleError(
        f"{text}\nAdd the files, or set missing_references to 'warn' to leave the references as they are.",
        missing_references=list(missing),
    )


# The record


def manifest_bytes(folder: Path) -> bytes:
    data = read_bytes(folder / MANIFEST_NAME)
    if data is None:
        raise TrundleError(f"The collecting program wrote no {MANIFEST_NAME}.")
    return data


def make_record(options: Options, answer: Mapping[str, Any], manifest_data: bytes) -> Record:
    parsed = manifest.parse(manifest_data)
    static_url = options.static_url or answer["static_url"]
    static_url = static_url if static_url.endswith("/") else static_url + "/"
    versioned = options.layout == "versioned"
    if versioned and static_url.endswith(f"/{options.release}/"):
        # The keys of the files begin with the release.
        static_url = static_url[: -len(options.release) - 1]
    return Record(
        release=options.release,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        source=options.source,
        django=answer["django"],
        layout=options.layout,
        static_url=static_url,
        manifest=parsed,
        files=file_entries(
            answer["files"],
            folder=f"{options.release}/" if versioned else "",
            rules=options.headers,
            sources={stored: name for name, stored in parsed.paths.items()},
        ),
    )


def file_entries(
    files: Mapping[str, Mapping[str, Any]],
    *,
    folder: str = "",
    rules: Sequence[headers.Rule] = (),
    sources: Mapping[str, str] | None = None,
) -> dict[str, FileEntry]:
    """folder: that of the release, in the versioned layout; what is below it never changes.

    sources: stored name -> name in the templates. A user's rule can go by both; one for a file goes
    for its compressed variants too.
    """
    entries = {}
    for name, entry in files.items():
        plain = headers.variant_of(name, files) or name
        wanted = {
            "content_type": headers.content_type(name, files),
            "cache_control": headers.cache_control(bool(folder) or entry["hashed"]),
            **headers.override(rules, {plain, (sources or {}).get(folder + plain, plain)}),
        }
        entries[folder + name] = FileEntry(
            size=entry["size"],
            sha256=entry["sha256"],
            content_type=wanted["content_type"],
            cache_control=wanted["cache_control"],
            content_encoding=headers.content_encoding(name, files),
        )
    return entries


# The folder of the release


def read_present(dest: Path, release: str) -> Record | None:
    """The record that dest holds; None for a folder that is to be made, or is empty."""
    if not os.path.lexists(dest):
        return None
    if not dest.is_dir():
        raise TrundleError(f"{dest} is not a folder.")
    data = read_bytes(dest / RECORD_NAME)
    if data is None:
        if any(dest.iterdir()):
            raise TrundleError(f"{dest} is neither empty nor the folder of a release: it has no {RECORD_NAME}.")
        return None
    record = parse(data)
    if record.release != release:
        raise TrundleError(
            f"{dest} holds release '{record.release}', not '{release}': give each release a folder of its own."
        )
    return record


def keep_present(present: Record, record: Record, dest: Path) -> Record:
    """A release id never means two contents (F9): the record that is there stays, or the run ends."""
    if same_content(present, record):
        return present
    found = differences(present, record)
    raise TrundleError(
        f"Release '{record.release}' was collected into {dest} before, with other content: {'; '.join(found)}. "
        "Give the new content a new release id.",
        differences=found,
    )


def is_whole(dest: Path, record: Record) -> bool:
    """Whether the folder still has what its record says, judged by sizes."""
    if manifest.sha256(read_bytes(dest / MANIFEST_NAME) or b"") != record.manifest.sha256:
        return False
    static = dest / STATIC_FOLDER
    return all(file_size(static / name) == entry.size for name, entry in record.files.items())


def file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


@contextlib.contextmanager
def workspace(options: Options) -> Iterator[Path]:
    """A temporary folder, beside dest so that a rename moves it there; gone when the run ends."""
    dest = options.dest
    created: list[Path] = []
    try:
        if options.dry_run:
            folder = Path(tempfile.mkdtemp(prefix="collect.", dir=options.scratch))
        else:
            created = make_parents(dest.parent)
            remove_leftovers(dest)
            folder = Path(tempfile.mkdtemp(prefix=f"{workspace_prefix(dest)}{os.getpid()}.", dir=dest.parent))
        Path(worker_request(options, folder)["static_dir"]).mkdir(parents=True)
    except OSError as exc:
        raise TrundleError(f"Failed to make a folder for the collected files: {exc}") from exc
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not dest.exists():
            remove_empty(created)


def workspace_prefix(dest: Path) -> str:
    return f".{dest.name}.collecting."


def make_parents(folder: Path) -> list[Path]:
    """Make a folder and its parents; returns those that were not there, deepest first."""
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return created


def remove_empty(folders: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def remove_leftovers(dest: Path) -> None:
    """Remove what runs that were killed have left; the folder's name tells whose it was."""
    prefix = workspace_prefix(dest)
    for path in dest.parent.iterdir():
        owner = path.name[len(prefix) :].partition(".")[0]
        if path.name.startswith(prefix) and owner.isdigit() and not is_running(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def put_in_place(folder: Path, dest: Path) -> None:
    """Rename the finished folder to dest. A damaged one of the same content makes way first."""
    aside = folder.with_name(folder.name + ".old")
    try:
        # mkdtemp lets only its owner in, but a web server may have to read the files.
        folder.chmod(0o777 & ~current_umask())
        if (dest / RECORD_NAME).exists():
            dest.rename(aside)
        folder.rename(dest)
        fsync_dir(dest.parent)
    except OSError as exc:
        raise TrundleError(f"Failed to put the collected files into {dest}: {exc.strerror or exc}") from exc
    shutil.rmtree(aside, ignore_errors=True)


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
