# SPDX-License-Identifier: BSD-3-Clause
"""What can be wrong with a release."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured


class ReleaseError(ImproperlyConfigured):
    """The release cannot be used; the text says what to do."""


class UnknownNameError(ReleaseError, ValueError):
    """A name is not in the manifest. A ValueError too, because that is what Django's own storage raises."""
