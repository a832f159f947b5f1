# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.trundle.django.plugins.filter.systemd_escape import FilterModule


def test_the_filter_escapes_for_a_unit_name() -> None:
    assert FilterModule().filters()["systemd_escape"]("v1-rc.2+5") == r"v1\x2drc.2\x2b5"
