# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: systemd_escape
short_description: Escape a release id for the instance part of a systemd unit name
version_added: 0.1.0
author:
  - trundle.django contributors (@trundle-django)
description:
  - Gives the same as the program C(systemd-escape), which a controller without systemd lacks.
options:
  _input:
    description: The text to escape, such as a release id.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Name the unit of a release
  ansible.builtin.debug:
    msg: "shop@{{ 'v1-rc.2' | trundle.django.systemd_escape }}.service" # shop@v1\x2drc.2.service
"""

RETURN = r"""
_value:
  description: The escaped text.
  type: str
  sample: v1\x2drc.2
"""

from typing import Callable

from ansible_collections.trundle.django.plugins.module_utils.systemd import systemd_escape


class FilterModule:
    """The filter by its short name."""

    def filters(self) -> dict[str, Callable[[str], str]]:
        return {"systemd_escape": systemd_escape}
