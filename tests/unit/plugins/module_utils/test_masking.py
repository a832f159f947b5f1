# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.trundle.django.plugins.module_utils.masking import mask, secret_values, without_environment


def test_values_are_masked_wherever_they_are() -> None:
    secrets = secret_values({"A": "hunter2", "B": "hunter2-and-more", "C": None, "D": "1"}, shown=[])
    assert mask({"m": "x hunter2-and-more 1", "l": ["hunter2", 5]}, secrets) == {
        "m": "x ******** 1",
        "l": ["********", 5],
    }


def test_what_a_message_must_name_is_kept() -> None:
    environment = {"HOME": "/srv/build", "DJANGO_SETTINGS_MODULE": "shop.settings", "DEBUG": "False"}
    assert secret_values(environment, shown=["/srv/build/shop"]) == []


def test_parameters_may_be_returned() -> None:
    given = {"environment": {"A": "hunter2"}, "dest": "/srv"}
    assert without_environment(given) == {"environment": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "dest": "/srv"}
    assert given["environment"] == {"A": "hunter2"}
    assert without_environment({"environment": {}}) == {"environment": {}}
