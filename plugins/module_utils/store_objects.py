# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that is reached over HTTP: obstore moves the bytes, whatever kind of store it is."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional
from urllib.parse import urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.store_errors import (
    Target,
    cause,
    foreign_key,
    is_broken,
    is_final,
    is_throttled,
)
from ansible_collections.trundle.django.plugins.module_utils.store_retry import BrokenError, tried_again
from ansible_collections.trundle.django.plugins.module_utils.store_types import (
    FinalError,
    Headers,
    Listing,
    Location,
    ObjectChangedError,
    ObjectExistsError,
    Store,
    Stored,
    ThrottledError,
    Version,
)

try:
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    OBSTORE_ERROR = None
except ImportError:
    OBSTORE_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import AzureStore, S3Store

DELETES_AT_ONCE = 16
# A name that is the same in a request, whatever has to be quoted there.
_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')

# The rest of a listing after the name that is given, or all of it, whatever its keys look like.
Rest = Callable[[Optional[str]], Iterator[Sequence["ObjectMeta"]]]
# The name that a part of a listing begins after, and the one that it ends with.
Bounds = tuple[Optional[str], Optional[str]]


@dataclass(frozen=True)
class Kind:
    """page: how many objects one request lists; etag_is_md5: whether an ETag that looks like an MD5 is one.

    ranges: into how many parts that are listed side by side a listing may be cut.
    delete_one: deletes a name where obstore, which deletes many at once, cannot. It raises FileNotFoundError, and
    ValueError with the server's answer.
    """

    page: int
    etag_is_md5: bool
    ranges: int = 1
    rest: Rest | None = None
    delete_one: Callable[[str], None] | None = None

    def stored(self, meta: ObjectMeta) -> Stored:
        """An object of a listing; the ETag of a multipart upload does not look like an MD5."""
        found = _MD5.fullmatch(meta["e_tag"] or "") if self.etag_is_md5 else None
        return Stored(meta["size"], found.group(1) if found else None, meta["last_modified"])


class ObjectStore(Store):
    """Objects below a prefix of a bucket or a container."""

    def __init__(self, location: Location, target: Target, handle: S3Store | AzureStore, kind: Kind) -> None:
        super().__init__(location)
        self._target = target
        self._handle = handle
        self._kind = kind

    def check_access(self) -> None:
        """Ask for the first page of the listing: the cheapest request that meets a wrong bucket, key or address."""
        with self._explained("list", self.location.url):
            try:
                next(iter(obstore.list(self._handle, chunk_size=1)), None)
            except BaseError as exc:
                # The store has answered: that is all that was asked.
                if foreign_key(str(exc)) is None:
                    raise

    @tried_again
    def find(self, names: Collection[str], *, folder: str | None = None) -> Listing:
        wanted = frozenset(names)
        # No name begins with a slash.
        below = folder or "/"
        found: dict[str, Stored] = {}

        def search(bounds: Bounds) -> int:
            seen = 0
            for page in self._pages(*bounds):
                seen += len(page)
                found.update(
                    (meta["path"], self._kind.stored(meta))
                    for meta in page
                    if meta["path"] in wanted or meta["path"].startswith(below)
                )
            return max(1, -(-seen // self._kind.page))

        bounds = cut(wanted, self._kind)
        with self._explained("list", self.location.url), ThreadPoolExecutor(len(bounds)) as pool:
            return Listing(found, sum(pool.map(search, bounds)))

    def iterate(self) -> Iterator[tuple[str, Stored]]:
        with self._explained("list", self.location.url):
            for page in self._pages():
                yield from ((meta["path"], self._kind.stored(meta)) for meta in page)

    @tried_again
    def get(self, name: str) -> bytes | None:
        with self._explained("read", self.url(name)):
            try:
                return bytes(obstore.get(self._handle, name).bytes())
            except FileNotFoundError as exc:
                self._check_bucket(exc)
        return None

    def download(self, name: str, path: Path) -> None:
        with self._explained("read", self.url(name)), path.open("wb") as stream:
            for chunk in obstore.get(self._handle, name).stream():
                stream.write(chunk)

    @tried_again
    def get_version(self, name: str) -> Version | None:
        with self._explained("read", self.url(name)):
            try:
                answer = obstore.get(self._handle, name)
                data = bytes(answer.bytes())
            except FileNotFoundError as exc:
                self._check_bucket(exc)
                return None
            return Version(data, answer.meta["e_tag"] or "", answer.meta["last_modified"])

    def replace(self, name: str, data: bytes, headers: Mapping[str, str], *, e_tag: str) -> None:
        with self._explained("replace", self.url(name)):
            try:
                obstore.put(
                    self._handle,
                    name,
                    data,
                    attributes=dict(headers),
                    mode={"e_tag": e_tag},
                    use_multipart=False,
                )
            except FileNotFoundError as exc:
                self._check_bucket(exc)
                raise ObjectChangedError(f"Failed to replace {self.url(name)}: it is gone.") from None

    def head(self, name: str) -> Headers | None:
        with self._explained("read the headers of", self.url(name)):
            try:
                answer = obstore.get(self._handle, name, options={"head": True})
            except FileNotFoundError as exc:
                self._check_bucket(exc)
                return None
            attributes = {key.lower(): value for key, value in answer.attributes.items()}
            return Headers(
                size=answer.meta["size"],
                content_type=attributes.get("content-type"),
                cache_control=attributes.get("cache-control"),
                content_encoding=attributes.get("content-encoding"),
                md5=self._kind.stored(answer.meta).md5,
            )

    @tried_again
    def put(self, name: str, data: bytes | Path, headers: Mapping[str, str], *, create_only: bool = False) -> None:
        with self._explained("upload", self.url(name)):
            obstore.put(
                self._handle,
                name,
                data,
                attributes=dict(headers),
                mode="create" if create_only else "overwrite",
                use_multipart=False if isinstance(data, bytes) else None,
                max_concurrency=4,
            )

    def delete(self, names: Iterable[str]) -> None:
        keys = list(names)
        if not keys:
            return
        with self._explained("delete", f"{len(keys)} objects of {self.location.url}"):
            if self._kind.delete_one is not None:
                self._delete_each(keys, self._kind.delete_one)
                return
            try:
                obstore.delete(self._handle, keys)
            except FileNotFoundError as exc:
                self._check_bucket(exc)
                # Azure may stop at a blob that is gone already.
                self._delete_each(keys, lambda key: obstore.delete(self._handle, key))

    def _delete_each(self, keys: list[str], delete: Callable[[str], None]) -> None:
        def attempt(key: str) -> None:
            with suppress(FileNotFoundError):
                delete(key)

        with ThreadPoolExecutor(max_workers=min(DELETES_AT_ONCE, len(keys))) as pool:
            for _none in pool.map(attempt, keys):
                pass

    def _pages(self, after: str | None = None, last: str | None = None) -> Iterator[Sequence[ObjectMeta]]:
        """The listing after one name, page by page, to the page that another name is on or would be on.

        obstore gives up at a key such as `a//b`, which others may have put into the bucket.
        Then the kind of store goes on from there, if it has a way to.
        """
        seen = after
        try:
            for metas in obstore.list(self._handle, offset=after, chunk_size=self._kind.page):
                yield metas
                seen = metas[-1]["path"] if metas else seen
                if last is not None and seen is not None and seen >= last:
                    return
        except BaseError as exc:
            if self._kind.rest is None or foreign_key(str(exc)) is None:
                raise
        else:
            return
        for metas in self._kind.rest(seen):
            yield metas
            if last is not None and metas and metas[-1]["path"] >= last:
                return

    def _check_bucket(self, exc: FileNotFoundError) -> None:
        """A missing bucket comes as a missing object; only the latter is an answer."""
        if is_final(str(exc)):
            raise exc

    @contextmanager
    def _explained(self, verb: str, what: str) -> Iterator[None]:
        try:
            yield
        except AlreadyExistsError as exc:
            raise ObjectExistsError(f"Failed to {verb} {what}: it exists already.") from exc
        except PreconditionError as exc:
            raise ObjectChangedError(f"Failed to {verb} {what}: somebody else has written it.") from exc
        except (BaseError, OSError, ValueError) as exc:
            text = str(exc)
            raise _kind(text)(f"Failed to {verb} {what}: {cause(text, self._target)}.") from None


def cut(names: Collection[str], kind: Kind) -> list[Bounds]:
    """Parts of a listing in which these names are, as the name before each and its last one; the last one has no end.

    Each is cut where a page ends when the store has just these names, so that no request is added then, and else at
    most one a part. Names are in the order of their UTF-8, in Python as in a listing.
    """
    pages = -(-len(names) // kind.page)
    parts = min(kind.ranges, pages)
    if parts < 2:
        return [(None, None)]
    ordered = sorted(names)
    ends = [ordered[number * pages // parts * kind.page - 1] for number in range(1, parts)]
    plain = [name for name in ends if _PLAIN.fullmatch(name)]
    return list(zip([None, *plain], [*plain, None]))


def _kind(text: str) -> type[TrundleError]:
    """What kind of error this text of obstore's tells of."""
    if is_final(text):
        return FinalError
    if is_throttled(text):
        return ThrottledError
    return BrokenError if is_broken(text) else TrundleError


def require_obstore() -> None:
    if OBSTORE_ERROR is not None:
        hint = " It needs Python 3.11 or newer." if sys.version_info < (3, 11) else ""
        raise TrundleError(missing_required_lib("obstore") + hint, exception=OBSTORE_ERROR)


def check_endpoint(url: str | None) -> str | None:
    """Refuse what obstore would stumble over in the middle of a request."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or parts.username or re.search(r"[^\x21-\x7e]", url):
        raise TrundleError(
            f"The endpoint_url '{without_password(url)}' is not valid: it looks like https://s3.example.com:9000."
        )
    return url.rstrip("/")


def without_password(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
