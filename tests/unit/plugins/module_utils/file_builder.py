# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A builder that writes to a file:// store: python file_builder.py URL NUMBER; prints how many records it created.

It begins when it is told to by a line on its standard input.
"""

from __future__ import annotations

import sys

from ansible_collections.trundle.django.plugins.module_utils.store import ObjectExistsError, StoreOptions, open_store

ROUNDS = 100
SIZE = 200_000


def main() -> None:
    store = open_store(sys.argv[1], StoreOptions())
    content = bytes([int(sys.argv[2])]) * SIZE
    sys.stdin.readline()
    created = 0
    for turn in range(ROUNDS):
        store.put(f"js/{turn}.js", content, {})
        # The folder comes and goes, under the hands of the others too.
        store.put(f"v{turn}/page.js", content, {})
        store.delete([f"v{turn}/page.js"])
        try:
            store.put(f".releases/v{turn}.json", content, {}, create_only=True)
            created += 1
        except ObjectExistsError:
            pass
    print(created)


if __name__ == "__main__":
    main()
