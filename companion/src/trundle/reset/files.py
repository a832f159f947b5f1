# SPDX-License-Identifier: BSD-3-Clause
"""The files of a soft reset: one written, the old ones moved aside."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db.migrations.migration import Migration


@dataclass(frozen=True)
class Move:
    source: Path
    target: Path


def moves_of(migrations: Iterable[Migration], replacement: Path) -> tuple[Move, ...]:
    """Into a folder that Django's loader does not read: it is no module, and its name begins with an underscore."""
    aside = replacement.parent / f"_replaced_by_{replacement.stem}"
    sources = [Path(str(sys.modules[migration.__module__].__file__)) for migration in migrations]
    return tuple(Move(source, aside / source.name) for source in sources)


@contextmanager
def swapped(path: Path, text: str, moves: Iterable[Move]) -> Iterator[None]:
    """Write the file and move the others; all is as before when anything fails up to the end of the block."""
    moved: list[Move] = []
    try:
        _write(path, text)
        for move in moves:
            move.target.parent.mkdir(exist_ok=True)
            move.source.rename(move.target)
            moved.append(move)
        importlib.invalidate_caches()
        yield
    except BaseException:
        for move in moved:
            move.target.rename(move.source)
        path.unlink(missing_ok=True)
        raise


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)
