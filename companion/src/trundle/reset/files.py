# SPDX-License-Identifier: BSD-3-Clause
"""The files of a soft reset: one written, the old ones moved aside."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
def swapped(path: Path, text: str, moves: Sequence[Move]) -> Iterator[None]:
    """Write the file and move the others; all is as before when anything fails up to the end of the block."""
    aside = moves[0].target.parent
    with ExitStack() as undo:
        _write(path, text)
        undo.callback(path.unlink)
        aside.mkdir()
        undo.callback(aside.rmdir)
        for move in moves:
            move.source.rename(move.target)
            undo.callback(move.target.rename, move.source)
        importlib.invalidate_caches()
        yield
        undo.pop_all()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.rename(path)
