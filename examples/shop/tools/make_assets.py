# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the binary assets that the shop keeps in its repository: one texture and one icon font.

Run it only to change them: ``pip install fonttools==4.68.0 brotli==1.2.1 && python make_assets.py``.
"""

from __future__ import annotations

import math
import random
import struct
import zlib
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

STATIC = Path(__file__).resolve().parent.parent / "site" / "catalog" / "static" / "catalog"
EPOCH = 3_850_000_000  # a fixed "created" date (seconds since 1904), so that the bytes are always the same


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paper(size: int = 96) -> bytes:
    """A faint paper grain: 8-bit grey with alpha, the same at every run."""
    grain = random.Random(7)
    rows = b"".join(
        b"\0" + bytes(value for _x in range(size) for value in (90, int(abs(grain.gauss(0, 7))))) for _y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 4, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def polygon(pen: TTGlyphPen, points: list[tuple[float, float]]) -> None:
    pen.moveTo((round(points[0][0]), round(points[0][1])))
    for x, y in points[1:]:
        pen.lineTo((round(x), round(y)))
    pen.closePath()


def ring(x: float, y: float, radius: float, *, hole: bool = False, corners: int = 40) -> list[tuple[float, float]]:
    turn = 1 if hole else -1
    return [
        (
            x + radius * math.cos(turn * 2 * math.pi * i / corners),
            y + radius * math.sin(turn * 2 * math.pi * i / corners),
        )
        for i in range(corners)
    ]


def wheel(pen: TTGlyphPen) -> None:
    polygon(pen, ring(500, 400, 400))
    polygon(pen, ring(500, 400, 310, hole=True))
    polygon(pen, ring(500, 400, 90))
    for i in range(8):
        a = 2 * math.pi * i / 8
        along, across = (math.cos(a), math.sin(a)), (-math.sin(a) * 24, math.cos(a) * 24)
        near = (500 + 70 * along[0], 400 + 70 * along[1])
        far = (500 + 330 * along[0], 400 + 330 * along[1])
        polygon(
            pen,
            [
                (near[0] - across[0], near[1] - across[1]),
                (near[0] + across[0], near[1] + across[1]),
                (far[0] + across[0], far[1] + across[1]),
                (far[0] - across[0], far[1] - across[1]),
            ],
        )


def cart(pen: TTGlyphPen) -> None:
    polygon(
        pen,
        [
            (40, 780),
            (40, 700),
            (170, 700),
            (290, 260),
            (830, 260),
            (830, 340),
            (350, 340),
            (330, 410),
            (860, 410),
            (960, 700),
            (250, 700),
            (230, 780),
        ],
    )
    polygon(pen, ring(370, 130, 85))
    polygon(pen, ring(750, 130, 85))


def star(pen: TTGlyphPen) -> None:
    points = []
    for i in range(10):
        radius = 430 if i % 2 == 0 else 175
        angle = math.pi / 2 - 2 * math.pi * i / 10
        points.append((500 + radius * math.cos(angle), 380 + radius * math.sin(angle)))
    polygon(pen, points)


def font(path: Path) -> None:
    glyphs = {}
    for name, draw in {".notdef": star, "wheel": wheel, "cart": cart, "star": star}.items():
        pen = TTGlyphPen(None)
        draw(pen)
        glyphs[name] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap({0xE001: "wheel", 0xE002: "cart", 0xE003: "star"})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=820, descent=-180)
    builder.setupNameTable({"familyName": "Trundle Icons", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=820, sTypoDescender=-180, usWinAscent=820, usWinDescent=180)
    builder.setupPost()
    builder.setupHead(unitsPerEm=1000, created=EPOCH, modified=EPOCH)
    builder.font.recalcTimestamp = False
    builder.font.flavor = "woff2"
    builder.save(path)


if __name__ == "__main__":
    (STATIC / "img" / "paper.png").write_bytes(paper())
    font(STATIC / "fonts" / "trundle-icons.woff2")
