# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the shop's wheels: many small, different SVG files that need not be kept in a repository."""

from __future__ import annotations

import math

COUNT = 240
PALETTE = (
    ("#23302b", "#c8502d", "#f0c987"),
    ("#2f4858", "#e0a458", "#fff1d6"),
    ("#4a3428", "#7a9e7e", "#e8dcc4"),
    ("#3b3561", "#ea7a57", "#f5e3c8"),
    ("#1d4e4a", "#d9a441", "#f3ead3"),
)


def wheel_svg(number: int) -> str:
    """Return wheel *number*: the same number always gives the same text, each number another one."""
    rim, accent, hub = PALETTE[number % len(PALETTE)]
    spokes = 3 + number % 12
    tyre = 5 + number // 12 % 5 * 2
    hub_radius = 8 + number // 60 % 4 * 3
    outer = 46 - tyre / 2
    lines = []
    for spoke in range(spokes):
        angle = 2 * math.pi * spoke / spokes + number / 40
        x, y = 50 + (outer - tyre / 2) * math.sin(angle), 50 - (outer - tyre / 2) * math.cos(angle)
        lines.append(f'<path d="M50 50L{x:.1f} {y:.1f}"/>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" role="img" '
        f'aria-label="Wheel {number}">\n'
        f'<circle cx="50" cy="50" r="{outer:.1f}" fill="{hub}" stroke="{rim}" stroke-width="{tyre}"/>\n'
        f'<g stroke="{accent}" stroke-width="3.2" stroke-linecap="round">{"".join(lines)}</g>\n'
        f'<circle cx="50" cy="50" r="{hub_radius}" fill="{rim}"/>'
        f'<circle cx="50" cy="50" r="{hub_radius * 0.45:.1f}" fill="{hub}"/>\n'
        "</svg>\n"
    )


def icons() -> dict[str, str]:
    """Map each icon's path in the site to its content."""
    return {f"catalog/static/catalog/icons/wheel-{n:03d}.svg": wheel_svg(n) for n in range(1, COUNT + 1)}
