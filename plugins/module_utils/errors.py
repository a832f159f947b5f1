# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception of the engine; modules turn it into fail_json, once, in main."""

from __future__ import annotations

from typing import Any


class TrundleError(Exception):
    """A failure that is told to the user as it is.

    The message is one sentence: "Failed to <verb> <object>: <cause>", or the remedy.
    Details are extra return values of a failing module; they never hold secrets.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
