# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and replaces references in CSS and JavaScript with the storage class's own patterns.

Which references count, and what they become, is the class's own business: its patterns, its
url_converter(). Ours is only to come to the places fast. Part of the program in the project's
Python: standard library and Django only, Python 3.8 and newer.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase, translate
from typing import Any, Callable

# How Django's own patterns begin, the text that each of their matches begins with, and whether
# case matters there. Searching for that text is some 20 times as fast as trying a pattern that
# ignores case at every place.
BEGINNINGS = (
    (r"(?P<matched>url\(", "url(", False),
    (r"(?P<matched>@import", "@import", False),
    (r"(?P<matched>import", "import", False),
    (r"(?P<matched>export", "export", False),
    (r"(?m)^(?P<matched>//# (?-i:sourceMappingURL)=", "//# sourceMappingURL=", True),
    (r"(?m)(?P<matched>)^(//# (?-i:sourceMappingURL)=", "//# sourceMappingURL=", True),
    (r"(?m)^(?P<matched>/\*#[ \t](?-i:sourceMappingURL)=", "/*#", True),
    (r"(?m)(?P<matched>)^(/\*#[ \t](?-i:sourceMappingURL)=", "/*#", True),
)
STOCK_FLAGS = re.IGNORECASE | re.MULTILINE | re.UNICODE
# Letters outside of ASCII that equal an ASCII one where case is ignored.
FOLDED = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}

# Parts of Django's patterns for what to ignore, and what finds the same in fewer steps.
SAME_BUT_FASTER = (
    (r"/\*.*?\*/", r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"),
    (r"'(?:[^'\\\n]|\\.)*'", r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'"),
    (r'"(?:[^"\\\n]|\\.)*"', r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'),
    (r"`(?:[^`\\]|\\.)*`", r"`[^`\\]*(?:\\.[^`\\]*)*`"),
)


def faster(ignored: Any) -> Any:
    """A pattern that finds the same blocks: Django's with its parts exchanged, any other as it is."""
    from django.contrib.staticfiles import storage

    names = ("_css_ignored_re", "_js_ignored_re")
    text = ignored if isinstance(ignored, str) else ignored.pattern
    if not any(getattr(getattr(storage, name, None), "pattern", None) == text for name in names):
        return re.compile(ignored)
    for slow, fast in SAME_BUT_FASTER:
        text = text.replace(slow, fast)
    return re.compile(text, ignored.flags)


class Rule:
    """One pattern of the class, its template, and what is ignored (Django 6.1 and newer)."""

    def __init__(self, pattern: Any, template: str, ignored: Any = None) -> None:
        self.pattern = pattern
        self.template = template
        self.ignored = ignored
        self.blocks: Any = None if ignored is None else faster(ignored)
        self.literal = ""
        self.case = True
        self.anywhere: Any = None

    def begin_with(self, literal: str, case: bool) -> None:
        self.literal, self.case = literal, case
        if not case:
            self.anywhere = re.compile("".join(map(any_case, literal)))

    def starts(self, content: str, lowered: str | None) -> Iterator[int]:
        if self.case or lowered is not None:
            text = content if self.case or lowered is None else lowered
            position = text.find(self.literal)
            while position >= 0:
                yield position
                position = text.find(self.literal, position + 1)
        else:
            for found in self.anywhere.finditer(content):
                yield found.start()

    def matches(self, content: str, lowered: str | None) -> Iterator[Any]:
        """What pattern.finditer(content) gives."""
        if not self.literal:
            yield from self.pattern.finditer(content)
            return
        end = 0
        for start in self.starts(content, lowered):
            if start >= end:
                match = self.pattern.match(content, start)
                if match is not None:
                    yield match
                    end = match.end()


def any_case(character: str) -> str:
    if not character.isalpha():
        return re.escape(character)
    return f"[{character}{character.upper()}{FOLDED.get(character, '')}]"


def stock_patterns() -> set[str]:
    """The patterns of the running Django itself: of these we know how they begin."""
    from django.contrib.staticfiles.storage import HashedFilesMixin

    groups = list(HashedFilesMixin.patterns)
    aggregation = getattr(HashedFilesMixin, "_js_module_import_aggregation_patterns", None)
    if aggregation:
        groups.append(aggregation)
    return {item if isinstance(item, str) else item[0] for _extension, items in groups for item in items}


def rules_of(storage: Any) -> dict[str, list[Rule]]:
    """The compiled patterns of the storage, by the kind of file that they apply to."""
    stock = stock_patterns()
    rules: dict[str, list[Rule]] = {}
    for extension, items in storage._patterns.items():
        for item in items:
            rule = Rule(*item)
            text, flags = rule.pattern.pattern, rule.pattern.flags
            if text in stock and not flags & ~STOCK_FLAGS:
                for beginning, literal, case in BEGINNINGS:
                    if text.startswith(beginning):
                        rule.begin_with(literal, case)
            rules.setdefault(extension, []).append(rule)
    return rules


class Rewriter:
    """Replaces references as HashedFilesMixin._post_process() of the running Django does."""

    def __init__(self, storage: Any, *, stock_converter: bool) -> None:
        self.storage = storage
        self.rules = rules_of(storage)
        # One search for every file, instead of one for each kind of file.
        self.kinds = re.compile("|".join(map(translate, self.rules)) or "(?!)")
        # Then blocks to ignore can be looked up faster than by going through all of them.
        self.own_blocks = stock_converter

    def applies_to(self, name: str) -> bool:
        return self.kinds.match(name) is not None

    def rewrite(self, name: str, path: str, content: str, hashed_files: Any) -> str:
        """path: the name within its source folder, which decides about patterns as in Django."""
        for extension, rules in self.rules.items():
            if fnmatchcase(path, extension):
                for rule in rules:
                    content = self.apply(rule, name, content, hashed_files)
        return content

    def apply(self, rule: Rule, name: str, content: str, hashed_files: Any) -> str:
        lowered = content.lower() if rule.literal and not rule.case and content.isascii() else None
        parts: list[str] = []
        end = 0
        converter: Callable[[Any], str] | None = None
        for match in rule.matches(content, lowered):
            if converter is None:
                converter = self.converter(rule, name, content, hashed_files)
            parts += (content[end : match.start()], converter(match))
            end = match.end()
        if converter is None:
            return content
        parts.append(content[end:])
        return "".join(parts)

    def converter(self, rule: Rule, name: str, content: str, hashed_files: Any) -> Callable[[Any], str]:
        make: Callable[..., Callable[[Any], str]] = self.storage.url_converter
        if rule.ignored is None:
            return make(name, hashed_files, rule.template)
        if not self.own_blocks:
            blocks = self.storage.get_ignored_blocks(content, rule.ignored)
            return make(name, hashed_files, rule.template, blocks)
        convert = make(name, hashed_files, rule.template, None)
        spans = [found.span() for found in rule.blocks.finditer(content)]
        starts = [start for start, _end in spans]

        def outside(match: Any) -> str:
            position = match.start()
            # The last block that starts before the place.
            index = bisect.bisect_left(starts, position) - 1
            if index >= 0 and position < spans[index][1]:
                return str(match.group("matched"))
            return convert(match)

        return outside
