# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans, judges and runs migrations; and judges the way back.

Programs in the projects' own interpreters look and act: in that of the release that brings the migrations, and in
that of the code that has to live with them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.trundle.django.plugins.module_utils import (
    collect_report,
    migrate_apply,
    migrate_lock,
    migrate_plan,
    migrate_worker,
    project_setup,
)
from ansible_collections.trundle.django.plugins.module_utils.errors import TrundleError
from ansible_collections.trundle.django.plugins.module_utils.masking import mask, secret_values
from ansible_collections.trundle.django.plugins.module_utils.migrate_judge import Finding, judge, lock_warnings
from ansible_collections.trundle.django.plugins.module_utils.migrate_linter import (
    MARKER,
    install_linter,
    linter_folder,
)
from ansible_collections.trundle.django.plugins.module_utils.project_process import (
    Program,
    find_account,
    find_python,
    run_program,
)

# In the order in which they are loaded.
PROGRAM = Program(
    "migrating", (collect_report, project_setup, migrate_plan, migrate_lock, migrate_apply, migrate_worker)
)


@dataclass(frozen=True)
class Project:
    """Code of one release, and what it runs with. retries: how often a database that is away is asked again."""

    path: Path
    python: str | None = None
    settings: str | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    user: str | None = None
    database: str = "default"
    retries: int = 0

    def ask(self, action: str, failure: str, **request: Any) -> dict[str, Any]:
        if not (self.path / "manage.py").is_file():
            raise TrundleError(f"{failure}: there is no manage.py in {self.path}.")
        return run_program(
            self.interpreter,
            PROGRAM,
            {
                "action": action,
                "failure": failure,
                "project_path": str(self.path),
                "settings": self.settings,
                "database": self.database,
                "retries": self.retries,
                **request,
            },
            self.environment,
            account=find_account(self.user) if self.user else None,
        )

    @property
    def interpreter(self) -> str:
        return find_python(self.python, self.path)

    def hide(self, text: str, *, shown: Sequence[str]) -> str:
        """Free text of the project, without the values of its environment, but for those that are shown anyway."""
        hidden: str = mask(text, secret_values(self.environment, shown=[str(self.path), *shown]))
        return hidden


@dataclass(frozen=True)
class Options:
    """lock_timeout, statement_timeout and lock_wait are seconds. running is None where it is not known."""

    project: Project
    running: Project | None
    policy: str
    linter_path: Path
    lock_timeout: float
    statement_timeout: float
    lock_wait: float
    dry_run: bool


@dataclass(frozen=True)
class Plan:
    """What is pending. fresh: nothing has been applied yet. unjudged: why the linter did not read it."""

    migrations: Sequence[Mapping[str, Any]]
    breaking: Sequence[Finding]
    warnings: Sequence[str]
    fresh: bool
    unjudged: str | None

    @property
    def pending(self) -> list[str]:
        return [f"{migration['app']}.{migration['name']}" for migration in self.migrations]

    def sql(self) -> str:
        return "".join(
            f"-- {name} ({migration['file']})\n" + "".join(operation_sql(op) for op in migration["operations"])
            for name, migration in zip(self.pending, self.migrations)
        )


def operation_sql(operation: Mapping[str, Any]) -> str:
    if operation["python"]:
        text = "-- (runs Python)"
    elif operation["error"]:
        text = f"-- (not known before it runs: {operation['error']})"
    else:
        text = "\n".join(operation["sql"]) or "-- (nothing)"
    return f"-- {operation['description']}\n{text}\n"


def migrate(options: Options) -> dict[str, Any]:
    plan = look(options)
    result: dict[str, Any] = {
        "changed": bool(plan.pending) and options.policy != "skip",
        "pending": plan.pending,
        "breaking": [found.as_dict() for found in plan.breaking],
        "applied": [],
        "retried": [],
        "lock": None,
        "diff": {"before": "", "after": options.project.hide(plan.sql(), shown=plan.pending)},
        "warnings": list(plan.warnings),
    }
    if options.policy == "safe":
        refuse(plan, result)
    if options.policy == "skip" and plan.pending:
        result["warnings"].append(f"Left for you to run: {', '.join(plan.pending)}.")
    if options.policy == "force":
        result["warnings"] += [f"Run although the running code may not survive it: {found}" for found in plan.breaking]
    if not result["changed"] or options.dry_run:
        return result
    done = options.project.ask(
        "apply",
        "Failed to migrate",
        expected=plan.pending,
        lock_timeout=options.lock_timeout,
        statement_timeout=options.statement_timeout,
        lock_wait=options.lock_wait,
    )
    warnings = result["warnings"] + done.pop("warnings")
    # Another run may have applied them while this one waited.
    return {**result, **done, "changed": bool(done["applied"]), "warnings": warnings}


def look(options: Options) -> Plan:
    judged = options.policy in ("safe", "maintenance")
    with linted(options, judged) as found:
        if not found["migrations"]:
            return Plan([], [], [], fresh=False, unjudged=None)
        if found["fresh"]:
            return Plan(found["migrations"], [], [], fresh=True, unjudged=None)
        tables = found["tables"]
        if options.running is not None and options.policy != "skip":
            tables = options.running.ask("tables", "Failed to read what the running code expects")["tables"]
        return Plan(
            found["migrations"],
            judge(found["migrations"], tables),
            lock_warnings(found["migrations"], tables),
            fresh=False,
            unjudged=found["linter"] if judged else None,
        )


@contextmanager
def linted(options: Options, needed: bool) -> Iterator[dict[str, Any]]:
    def ask(folder: Path | None) -> dict[str, Any]:
        return options.project.ask("plan", "Failed to plan the migrations", linter=str(folder) if folder else None)

    # What is thrown in at the yield ends the inner context as well.
    # pylint: disable-next=contextmanager-generator-missing-cleanup
    with with_linter(options.project, options.linter_path, keep=not options.dry_run) as install:
        folder = linter_folder(options.linter_path)
        found = ask(folder if (folder / MARKER).exists() else None)
        if found["linter"] == "missing" and needed and not found["fresh"]:
            found = unless_missing(ask(install()))
        yield found


def unless_missing(found: dict[str, Any]) -> dict[str, Any]:
    if found["linter"] != "missing":
        return found
    reason = "the project's Python cannot import django-migration-linter, which takes Python 3.9 or newer"
    return {**found, "linter": reason}


@contextmanager
def with_linter(project: Project, path: Path, *, keep: bool) -> Iterator[Any]:
    """A function that installs the linter; where nothing may change, in a folder that is removed."""
    if keep:
        yield lambda: install_linter(project.interpreter, path)
        return
    with tempfile.TemporaryDirectory(prefix="trundle-linter-") as scratch:
        Path(scratch).chmod(0o755)
        yield lambda: install_linter(project.interpreter, Path(scratch))


def refuse(plan: Plan, result: Mapping[str, Any]) -> None:
    details = {name: result[name] for name in ("pending", "breaking", "diff")}
    others = "With the policy 'maintenance' a maintenance page is up while they run; 'force' runs them regardless."
    if plan.unjudged is not None:
        raise TrundleError(
            f"Refused to migrate, as nobody has checked {', '.join(plan.pending)}: {plan.unjudged}. {others}", **details
        )
    if plan.breaking:
        raise TrundleError(
            f"Refused to migrate: the running code does not survive {counted(plan.breaking)}. "
            f"{' '.join(str(found) for found in plan.breaking)} {others}",
            **details,
        )


def counted(findings: Sequence[Finding]) -> str:
    return "one operation" if len(findings) == 1 else f"{len(findings)} operations"


def look_back(project: Project, target: Project, linter_path: Path) -> dict[str, Any]:
    """Whether the target, an earlier release, runs with the migrations that were applied since."""
    expected = target.ask("tables", "Failed to read what the code to go back to expects")
    request = {"known": expected["known"], "apps": expected["apps"]}

    def ask(folder: Path) -> dict[str, Any]:
        return project.ask("ahead", "Failed to read the applied migrations", linter=str(folder), **request)

    with with_linter(project, linter_path, keep=False) as install:
        found = ask(linter_folder(linter_path))
        if found["linter"] == "missing":
            found = unless_missing(ask(install()))
    breaking = judge(found["migrations"], expected["tables"])
    ahead = [f"{migration['app']}.{migration['name']}" for migration in found["migrations"]]
    causes = [
        f"{one.migration} ({one.file}; {one.operation}): {one.reason}.".replace("the running code", "the old code")
        for one in breaking
    ]
    causes += [
        f"{name}: no code that is here has its file, so nobody can tell what it did." for name in found["strangers"]
    ]
    if found["linter"] is not None:
        causes += [f"{name}: nobody has checked it: {found['linter']}." for name in ahead]
    return {
        "changed": False,
        "ahead": ahead,
        "strangers": found["strangers"],
        "breaking": [one.as_dict() for one in breaking],
        "compatible": not causes,
        "causes": causes,
        "warnings": found["warnings"],
    }
