# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the values of an environment out of messages and results, without garbling them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MASK = "********"
# Ansible's own word for it.
NOT_SHOWN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def without_environment(params: Mapping[str, Any]) -> dict[str, Any]:
    """A module's parameters, as they may be returned: ansible-core 2.19 always returns them.

    A module that returns these has Ansible forget `no_log_values`, which it would mask wherever they occur in a
    result: a value such as "1" or a path would garble names, paths and URLs that later tasks need. The engine masks
    them in all that is free text.
    """
    return {**params, **({"environment": NOT_SHOWN} if params["environment"] else {})}


def secret_values(environment: Mapping[str, str | None], *, shown: Iterable[str]) -> list[str]:
    """Values to keep out of messages, longest first.

    Not those that a message has to name anyway (a path, the settings module), nor words as short
    as "1" or "yes", which would only garble it.
    """
    public = [*shown, environment.get("DJANGO_SETTINGS_MODULE") or "", "false"]
    values = {value for value in environment.values() if value and len(value) > 3}
    return sorted((v for v in values if not any(v.lower() in text.lower() for text in public)), key=len, reverse=True)


def mask(value: Any, secrets: Sequence[str]) -> Any:
    """The value, a text or lists and dicts of texts, with each secret masked."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, list):
        return [mask(item, secrets) for item in value]
    if isinstance(value, dict):
        return {key: mask(item, secrets) for key, item in value.items()}
    return value
