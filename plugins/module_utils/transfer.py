# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish a release: upload what the store lacks, prove it, and only then create the record.

Nothing is ever deleted. An object whose name carries its hash is written once, and again only
where its size shows that it is broken.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.headers import CACHE_RECORD, ENCODINGS
from ansible_collections.trundle.django.plugins.module_utils.progress import Progress, Steps
from ansible_collections.trundle.django.plugins.module_utils.record import (
    MANIFEST_NAME,
    RECORD_NAME,
    FileEntry,
    Record,
    check_manifest,
    check_release_id,
    differences,
    parse,
    same_content,
)
from ansible_collections.trundle.django.plugins.module_utils.store import FinalError, Listing, ObjectExistsError, Store

RECORDS = ".releases/"
RECORD_HEADERS = {"Content-Type": "application/json", "Cache-Control": CACHE_RECORD}

# Up to this size a file is read once, hashed and sent from memory; larger ones are streamed, a few at a time.
SMALL = 1024 * 1024
LARGE_AT_ONCE = 4
# After so many failures the rest is not even tried: the store or the line is broken.
GIVE_UP_AFTER = 20
# So many problems are told one by one.
TOLD = 10


@dataclass(frozen=True)
class Package:
    """What collectstatic wrote: the record, both files' bytes, and the folder with the assets."""

    record: Record
    record_bytes: bytes
    manifest: bytes
    folder: Path

    def path(self, key: str) -> Path:
        return self.folder / key


@dataclass(frozen=True)
class Plan:
    """What a publish would do. replaced: key -> size of the object that is there but is not the right one."""

    uploads: tuple[str, ...]
    unchanged: int
    replaced: Mapping[str, int]
    record: bool
    manifest: bool
    bytes: int
    requests: int


@dataclass(frozen=True)
class Failure:
    key: str
    cause: str


def record_key(release: str) -> str:
    return f"{RECORDS}{check_release_id(release)}.json"


def manifest_key(release: str) -> str:
    return f"{RECORDS}manifests/{check_release_id(release)}.json"


def load_package(src: str, *, release: str | None = None) -> Package:
    """Read the folder that collectstatic wrote, and compare each file's size with the record."""
    folder = Path(src)
    record_bytes, manifest = _read(folder / RECORD_NAME), _read(folder / MANIFEST_NAME)
    record = _expected(parse(record_bytes), folder / RECORD_NAME, release)
    check_manifest(record, manifest)
    package = Package(record, record_bytes, manifest, folder / "static")
    problems = [problem for key in sorted(record.files) if (problem := _local_problem(package, key))]
    if problems:
        raise TrundleError(
            f"The files in {package.folder} are not those of the record of release '{record.release}': "
            f"{shortened(problems)}. Collect the release again.",
            problems=problems,
        )
    return package


def load_record(path: Path, *, release: str | None = None) -> Record:
    """Read a record from a local file."""
    return _expected(parse(_read(path)), path, release)


def immutable_keys(record: Record) -> frozenset[str]:
    """The keys whose name carries the hash of the content, their compressed variants included."""
    hashed = {stored for name, stored in record.manifest.paths.items() if stored != name}
    variants = {name + extension for name in hashed for extension in ENCODINGS}
    return frozenset((hashed | variants) & record.files.keys())


def read_record(store: Store, release: str) -> Record | None:
    """The record of a published release, or None where it is not published."""
    data = store.get(record_key(release))
    if data is None:
        return None
    try:
        return parse(data)
    except TrundleError as exc:
        raise TrundleError(f"{store.url(record_key(release))}: {exc.message}") from exc


def make_plan(store: Store, package: Package, *, force: bool = False) -> Plan:
    """Compare the release with one listing of the store; a record of other content is refused (F9)."""
    record = package.record
    listing = store.find([*record.files, record_key(record.release), manifest_key(record.release)])
    published = record_key(record.release) in listing.objects
    if published:
        existing = read_record(store, record.release)
        if existing is not None:
            check_same(existing, record, where=store.url(record_key(record.release)))
    immutable = immutable_keys(record)
    uploads = [key for key in sorted(record.files) if force or _needs_upload(package, key, listing, key in immutable)]
    return Plan(
        uploads=tuple(uploads),
        unchanged=len(record.files) - len(uploads),
        replaced={key: listing.objects[key].size for key in uploads if key in listing.objects},
        record=not published,
        manifest=not _manifest_present(package, listing),
        bytes=sum(record.files[key].size for key in uploads),
        requests=listing.requests,
    )


def publish(store: Store, package: Package, plan: Plan, *, concurrency: int, progress: Progress | None = None) -> bool:
    """Carry the plan out; True when this call created the record.

    The order is the safety: assets, proof, manifest, record. Whatever fails leaves the release
    unpublished (F4), and the next run goes on with what is missing.
    """
    if plan.uploads:
        progress = progress or Progress()
        failures = upload(store, package, plan, concurrency=concurrency, progress=progress)
        if failures:
            raise _upload_error(package.record, plan, failures)
        progress.tell("prove")
        prove(store, package.record, plan)
    overwritten = _put_manifest(store, package) if plan.manifest else None
    return _create_record(store, package, overwritten) if plan.record else False


def upload(store: Store, package: Package, plan: Plan, *, concurrency: int, progress: Progress) -> list[Failure]:
    """Send the plan's files side by side and return what failed; after too many failures the rest is left."""
    steps = Steps(progress, "upload", len(plan.uploads), total_size=plan.bytes)
    failures: list[Failure] = []
    given_up = threading.Event()
    large = threading.BoundedSemaphore(LARGE_AT_ONCE)

    def send(key: str) -> None:
        if given_up.is_set():
            return
        try:
            _send(store, package, key, large)
            steps.done(package.record.files[key].size)
        except TrundleError as exc:
            failures.append(Failure(key, exc.message))
            if isinstance(exc, FinalError) or len(failures) >= GIVE_UP_AFTER:
                given_up.set()

    with ThreadPoolExecutor(max_workers=max(1, min(concurrency, len(plan.uploads)))) as pool:
        for _none in pool.map(send, plan.uploads):
            pass
    return sorted(failures, key=lambda failure: failure.key)


def prove(store: Store, record: Record, plan: Plan) -> None:
    """Ask the store anew for what was sent; what a PUT answered is not believed."""
    if len(plan.uploads) <= plan.requests:
        sizes = {key: answer.size for key in plan.uploads if (answer := store.head(key))}
    else:
        sizes = {key: stored.size for key, stored in store.find(plan.uploads).objects.items()}
    problems = [
        f"{key}: {'missing' if key not in sizes else f'{sizes[key]} bytes where {record.files[key].size} were sent'}"
        for key in plan.uploads
        if sizes.get(key) != record.files[key].size
    ]
    if problems:
        raise TrundleError(
            f"Release '{record.release}' {_state(plan)}: the store accepted {len(problems)} of its files but "
            f"does not have them: {shortened(problems)}. Run again to upload them.",
            problems=problems,
        )


def check_same(existing: Record, record: Record, *, where: str) -> None:
    """Refuse a second content for one release id (F9)."""
    if same_content(existing, record):
        return
    found = differences(existing, record, limit=TOLD)
    raise TrundleError(
        f"Release '{record.release}' is published already with other content ({where}); nothing was changed. "
        f"Use a new release id. First differences, published -> local: {'; '.join(found)}",
        differences=found,
    )


def asset_headers(entry: FileEntry) -> dict[str, str]:
    headers = {"Content-Type": entry.content_type, "Cache-Control": entry.cache_control}
    if entry.content_encoding:
        headers["Content-Encoding"] = entry.content_encoding
    return headers


def shortened(lines: list[str]) -> str:
    more = f" and {len(lines) - TOLD} more" if len(lines) > TOLD else ""
    return "; ".join(lines[:TOLD]) + more


def _expected(record: Record, path: Path, release: str | None) -> Record:
    if release is not None and record.release != check_release_id(release):
        raise TrundleError(f"{path} is the record of release '{record.release}', not of '{release}'.")
    return record


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TrundleError(f"{path} does not exist; give the folder that collectstatic wrote as src.") from None
    except OSError as exc:
        raise TrundleError(f"Failed to read {path}: {exc.strerror or exc}.") from exc


def _local_problem(package: Package, key: str) -> str | None:
    if key.startswith(RECORDS):
        return f"{key}: this name is kept for release records"
    try:
        size = package.path(key).stat().st_size
    except OSError:
        return f"{key}: missing"
    expected = package.record.files[key].size
    return None if size == expected else f"{key}: {size} bytes where the record says {expected}"


def _needs_upload(package: Package, key: str, listing: Listing, immutable: bool) -> bool:
    """A name with a hash is compared by size; any other one by content, or sent where that is unknown (F8)."""
    stored, entry = listing.objects.get(key), package.record.files[key]
    if stored is None or stored.size != entry.size:
        return True
    if immutable:
        return False
    return stored.md5 is None or stored.md5 != _file_digest(package.path(key), "md5")


def _manifest_present(package: Package, listing: Listing) -> bool:
    stored = listing.objects.get(manifest_key(package.record.release))
    digest = hashlib.md5(package.manifest, usedforsecurity=False).hexdigest()
    # Where the ETag tells nothing the size must do: the record's SHA-256 decides on every host.
    return stored is not None and stored.size == len(package.manifest) and stored.md5 in (None, digest)


def _send(store: Store, package: Package, key: str, large: threading.BoundedSemaphore) -> None:
    """Upload one file, whose bytes must be those of the record."""
    entry, path = package.record.files[key], package.path(key)
    if entry.size <= SMALL:
        data = _read(path)
        _check_digest(path, hashlib.sha256(data).hexdigest(), entry)
        store.put(key, data, asset_headers(entry))
        return
    with large:
        _check_digest(path, _file_digest(path, "sha256"), entry)
        store.put(key, path, asset_headers(entry))


def _check_digest(path: Path, actual: str, entry: FileEntry) -> None:
    if actual != entry.sha256:
        raise TrundleError(f"{path} is not the file of the record: its SHA-256 is {actual}, not {entry.sha256}.")


def _file_digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(SMALL):
                digest.update(chunk)
    except OSError as exc:
        raise TrundleError(f"Failed to read {path}: {exc.strerror or exc}.") from exc
    return digest.hexdigest()


def _upload_error(record: Record, plan: Plan, failures: list[Failure]) -> TrundleError:
    told = shortened([failure.key for failure in failures])
    return TrundleError(
        f"Release '{record.release}' {_state(plan)}: {len(failures)} of {len(plan.uploads)} uploads failed "
        f"({told}). First cause: {failures[0].cause} The next run goes on with what is missing.",
        failed_uploads=[{"key": failure.key, "cause": failure.cause} for failure in failures],
    )


def _state(plan: Plan) -> str:
    return "was not published" if plan.record else "is published but not whole"


def _put_manifest(store: Store, package: Package) -> bytes | None:
    """Write the manifest; returns the other content that had been left there, if any."""
    name = manifest_key(package.record.release)
    try:
        store.put(name, package.manifest, RECORD_HEADERS, create_only=True)
        return None
    except ObjectExistsError:
        left = store.get(name)
    if left == package.manifest:
        return None
    # No record refers to it yet, or the plan would have been refused: an earlier run was cut off here.
    store.put(name, package.manifest, RECORD_HEADERS)
    return left


def _create_record(store: Store, package: Package, overwritten: bytes | None) -> bool:
    """Create the record, or accept that somebody else has just created the same one."""
    release = package.record.release
    try:
        store.put(record_key(release), package.record_bytes, RECORD_HEADERS, create_only=True)
        return True
    except ObjectExistsError:
        winner = read_record(store, release)
    if winner is None:
        raise TrundleError(f"Release '{release}' was published and removed at the same time; run again.")
    if overwritten is not None and hashlib.sha256(overwritten).hexdigest() == winner.manifest.sha256:
        # The other publisher's manifest was taken for a leftover above.
        store.put(manifest_key(release), overwritten, RECORD_HEADERS)
    check_same(winner, package.record, where=store.url(record_key(release)))
    return False
