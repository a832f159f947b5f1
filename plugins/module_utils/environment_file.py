# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads an environment file by the rules of systemd's EnvironmentFile=, so that what a unit runs with can be had
where no unit runs (https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=).
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError

# What a backslash takes its meaning from between double quotes.
_ESCAPED = '"\\`$'


def read_environment(path: str) -> dict[str, str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as exc:
        raise TrundleError(f"Failed to read the environment file {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise TrundleError(f"Failed to read the environment file {path}: it is not UTF-8") from exc
    return parse_environment(text)


def parse_environment(text: str) -> dict[str, str]:
    """A line without a name and an equals sign is passed over, as systemd does."""
    environment = {}
    position = 0
    while position < len(text):
        position = _skip_space(text, position)
        if position < len(text) and text[position] in "#;":
            position = _end_of_line(text, position)
            continue
        end = _end_of_line(text, position)
        equals = text.find("=", position, end)
        if equals < 0:
            position = end + 1
            continue
        name = text[position:equals].strip()
        value, position = _value(text, equals + 1)
        if name.replace("_", "a").isalnum() and name.isascii() and not name[0].isdigit():
            environment[name] = value
    return environment


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins here, and where it has ended. Quoted and bare parts may follow one another."""
    value: list[str] = []
    kept = 0  # white space after this is not of the value
    while position < len(text) and text[position] in " \t":
        position += 1
    while position < len(text) and text[position] != "\n":
        char = text[position]
        if char in "\"'":
            part, position = _quoted(text, position + 1, char)
            value.extend(part)
            kept = len(value)
            continue
        if char == "\\":
            position += 1
            char = text[position : position + 1]
            if char not in ("", "\n"):
                value.append(char)
                kept = len(value)
        else:
            value.append(char)
            kept = kept if char.isspace() else len(value)
        position += 1
    return "".join(value[:kept]), position


def _quoted(text: str, position: int, quote: str) -> tuple[list[str], int]:
    value: list[str] = []
    while position < len(text) and text[position] != quote:
        char = text[position]
        if quote == '"' and char == "\\":
            position += 1
            char = text[position : position + 1]
            if char == "\n":
                char = ""
            elif char not in _ESCAPED:
                char = "\\" + char
        value.extend(char)
        position += 1
    return value, position + 1
