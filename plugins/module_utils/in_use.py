# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes in the store of which site uses which release.

Several sites, or one site in several environments, may share a store. Who retires for one of them can ask its hosts
alone; what the others use is known from these notes. Each is an object of its own, so that a listing tells all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.published import RECORD_HEADERS, RECORDS
from ansible_collections.trundle.django.plugins.module_utils.record import RELEASE_ID, check_release_id
from ansible_collections.trundle.django.plugins.module_utils.store import Store

# An id of a release has no slash, so no record is below this.
NOTES = f"{RECORDS}in-use/"
NOTE = b"{}\n"
_SITE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NOTE = re.compile(rf"{re.escape(NOTES)}({_SITE})/({RELEASE_ID.pattern})\.json")


def check_site(site: str) -> str:
    if not re.fullmatch(_SITE, site):
        raise TrundleError(
            f"The name {site!r} of a site is not valid: it starts with a letter or digit, goes on with letters, "
            "digits, '.', '_' or '-', and has at most 128 characters."
        )
    return site


def note_key(site: str, release: str) -> str:
    return f"{NOTES}{check_site(site)}/{check_release_id(release)}.json"


def write_note(store: Store, site: str, release: str) -> None:
    store.put(note_key(site, release), NOTE, RECORD_HEADERS)


def read_notes(names: Iterable[str]) -> dict[str, set[str]]:
    """Site -> the releases that it uses, from the names of a listing."""
    notes: dict[str, set[str]] = {}
    for name in names:
        if found := _NOTE.fullmatch(name):
            notes.setdefault(found.group(1), set()).add(found.group(2))
    return notes
