# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations


class ResetError(Exception):
    """Nothing was changed; the text says why, and what to do."""
