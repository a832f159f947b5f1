# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: Put together what the hosts of a site say of themselves
version_added: 0.1.0
author:
  - trundle.django contributors (@trundle-django)
description:
  - Gives what is wrong with a fleet that is mixed, or unhealthy, and one table of it all.
options:
  _input:
    description: What each host has said.
    type: dict
    required: true
  hosts:
    description: The hosts that were to be asked.
    type: list
    elements: str
    required: true
  store:
    description: What M(trundle.django.static_release_info) has said, or an C(error).
    type: dict
"""

EXAMPLES = r"""
- name: Show the fleet
  ansible.builtin.debug:
    msg: "{{ (lines | trundle.django.fleet(hosts=ansible_play_hosts_all)).table }}"
"""

RETURN = r"""
_value:
  description:
    - C(report), with C(hosts), C(unreachable), C(releases), C(mixed), C(problems) and C(store); C(table), its lines.
  type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.trundle.django.plugins.plugin_utils.fleet import fleet_of, table_of


def fleet(
    lines: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], store: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    report = fleet_of(lines, hosts=hosts, store=store)
    return {"report": report, "table": table_of(report)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet": fleet}
