# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations


class ResetError(Exception):
    """The reset is refused, before anything was changed; the text says what to do."""
