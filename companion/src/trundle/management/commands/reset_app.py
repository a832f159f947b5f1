# SPDX-License-Identifier: BSD-3-Clause
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations
from django.db import DEFAULT_DB_ALIAS

from trundle.reset import plan, run, soft, soft_run
from trundle.reset.errors import ResetError
from trundle.reset.guard import check_database


class Command(BaseCommand):
    help = (
        "Drops the tables of apps, with all that is in them, and makes them anew by their migrations. "
        "With --soft: replaces the migrations of apps by one initial migration each, and touches no table."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("labels", nargs="+", metavar="app", help="Label of an app.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database.")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="Do not ask.")
        parser.add_argument(
            "--i-know-this-is", metavar="NAME", dest="known_as", help="NAME of the database; needed where DEBUG is off."
        )
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument(
            "--cascade",
            action="store_true",
            help="Also where other apps hold keys into these: set them to NULL, or delete their rows.",
        )
        kind.add_argument("--soft", action="store_true", help="Replace the migrations and leave the tables alone.")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        # Each once, in the order given.
        labels = tuple(dict.fromkeys(options["labels"]))
        try:
            check_database(options["database"], known_as=options["known_as"])
            if options["soft"]:
                self._soft(labels, options)
            else:
                self._hard(labels, options)
        except ResetError as exc:
            raise CommandError(str(exc)) from exc

    def _hard(self, labels: tuple[str, ...], options: dict[str, Any]) -> None:
        planned = plan.make_plan(labels, options["database"], cascade=options["cascade"])
        if self._agreed(plan.describe(planned), options):
            run.carry_out(planned, tell=self.stdout.write, verbosity=options["verbosity"])
            self.stdout.write(self.style.SUCCESS(f"Reset {', '.join(labels)}."))

    def _soft(self, labels: tuple[str, ...], options: dict[str, Any]) -> None:
        planned = soft.make_soft_plan(labels, options["database"])
        if self._agreed(soft.describe(planned), options):
            soft_run.carry_out(planned)
            self.stdout.write(self.style.SUCCESS(f"Replaced the migrations of {', '.join(labels)}."))

    def _agreed(self, lines: Iterable[str], options: dict[str, Any]) -> bool:
        for line in lines:
            self.stdout.write(line)
        if not options["interactive"]:
            return True
        try:
            answer = input("Type 'yes' to do this: ")
        except EOFError:
            raise ResetError("There is nobody to ask. Add --noinput to do this without a question.") from None
        if answer.strip() == "yes":
            return True
        self.stdout.write("Nothing was changed.")
        return False
