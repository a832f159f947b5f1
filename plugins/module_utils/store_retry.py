# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Further tries of what obstore itself tries only once.

It sends a request again after an error of the server, or when there was no answer. It does not when the connection is
reset during a create-only write, which may have been carried out, nor when an answer ends in its middle.
"""

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# Seconds before each further try; each is taken times 0.5 to 1.5, so that many clients do not come back together.
PAUSES = (0.1, 0.4, 1.6)

Method = TypeVar("Method", bound=Callable[..., Any])


class BrokenError(TrundleError):
    """The connection broke: nobody knows whether the request was carried out."""


def tried_again(method: Method) -> Method:
    """For methods that may run twice. A create-only write may then meet the object that it has made itself."""

    @functools.wraps(method)
    def run(*arguments: Any, **options: Any) -> Any:
        for pause in PAUSES:
            with contextlib.suppress(BrokenError):
                return method(*arguments, **options)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (not for a secret)
        return method(*arguments, **options)

    return run  # type: ignore[return-value]  # wraps gives it the other's signature
