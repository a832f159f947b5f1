# Copyright (c) 2026, trundle.django contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a plan counts against the code that runs; the plans themselves are tested on real databases."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.trundle.django.plugins.module_utils.migrate_judge import holds, judge, lock_warnings

KEY = {"null": False, "default": True, "type": "bigint"}
OPTIONAL = {"null": True, "default": False, "type": "text"}
REQUIRED = {"null": False, "default": False, "type": "text"}
FILLED = {"null": False, "default": True, "type": "text"}


def operation(kind: str = "RunSQL", **changes: Any) -> dict[str, Any]:
    plain = {"description": f"{kind} of the test", "line": 7, "sql": [], "python": False, "error": None, "issues": []}
    return {"kind": kind, **plain, "before": {}, "after": {}, **changes}


def issue(
    code: str, table: str | None = None, column: str | None = None, statement: str | None = None
) -> dict[str, Any]:
    return {"code": code, "message": f"{code} of the linter", "table": table, "column": column, "statement": statement}


def step(*operations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    plain = {"app": "shop", "name": "0002_x", "file": "shop/migrations/0002_x.py", "ignored": False, "warnings": []}
    return {**plain, "operations": operations, **changes}


def codes(running: dict[str, Any], *operations: dict[str, Any], **changes: Any) -> list[str]:
    return [found.code for found in judge([step(*operations, **changes)], running)]


def table(**columns: Any) -> dict[str, Any]:
    return {"shop_item": {"id": KEY, **columns}}


class TestWhatTheRunningCodeUses:
    drop = operation(
        "RemoveField", before=table(old=REQUIRED), after=table(), issues=[issue("DROP_COLUMN", "shop_item", "old")]
    )

    def test_a_column_that_it_has(self) -> None:
        assert codes(table(old=REQUIRED), self.drop) == ["DROP_COLUMN"]

    def test_a_column_that_it_does_not_have_any_more(self) -> None:
        """The second of the two releases that dropping takes."""
        assert codes(table(), self.drop) == []

    def test_a_table_of_an_app_that_it_does_not_have(self) -> None:
        assert codes({}, self.drop) == []

    def test_names_of_sql_in_capitals_are_the_same(self) -> None:
        assert codes(table(old=REQUIRED), operation(issues=[issue("DROP_COLUMN", "SHOP_ITEM", "OLD")])) == [
            "DROP_COLUMN"
        ]

    def test_a_migration_that_is_taken_as_checked(self) -> None:
        assert codes(table(old=REQUIRED), self.drop, ignored=True) == []


class TestColumnsThatBecomeRequired:
    """F30: rows that the running code inserts have no value there."""

    @pytest.mark.parametrize(
        ("before", "after", "running", "expected"),
        [
            pytest.param({}, {"a": REQUIRED}, {}, ["NOT_NULL"], id="new"),
            pytest.param({}, {"a": FILLED}, {}, [], id="new-and-filled-by-the-database"),
            pytest.param({}, {"a": OPTIONAL}, {}, [], id="new-and-optional"),
            pytest.param({"a": OPTIONAL}, {"a": REQUIRED}, {"a": OPTIONAL}, ["NOT_NULL"], id="it-may-write-null"),
            pytest.param({"a": OPTIONAL}, {"a": REQUIRED}, {"a": REQUIRED}, [], id="it-always-writes"),
            pytest.param({"a": FILLED}, {"a": REQUIRED}, {"a": FILLED}, ["NOT_NULL"], id="it-relies-on-the-default"),
            pytest.param({"a": REQUIRED}, {"a": REQUIRED}, {"a": REQUIRED}, [], id="as-before"),
        ],
    )
    def test_by_states(
        self, before: dict[str, Any], after: dict[str, Any], running: dict[str, Any], expected: list[str]
    ) -> None:
        # SQLite's linter says so of each table that is made anew.
        done = operation("AlterField", before=table(**before), after=table(**after), issues=[issue("NOT_NULL")])
        assert codes(table(**running), done) == expected

    def test_by_sql(self) -> None:
        one = issue("NOT_NULL", statement="ALTER TABLE shop_item ALTER COLUMN a SET NOT NULL;")
        assert codes(table(a=REQUIRED), operation(issues=[one])) == ["NOT_NULL"]
        assert codes({}, operation(issues=[one])) == []


def test_sql_that_names_no_table_counts() -> None:
    assert codes({}, operation(sql=["DO $$ ... $$"], issues=[issue("DROP_TABLE")])) == ["DROP_TABLE"]


def test_a_table_beside_those_of_the_model() -> None:
    """Renaming a model renames a column in the table of another model's many-to-many field."""
    other = issue("RENAME_COLUMN", "shop_order_items", "item_id")
    renamed = operation("RenameModel", before={}, after={}, issues=[other])
    assert codes({"shop_order_items": {"item_id": REQUIRED}}, renamed) == ["RENAME_COLUMN"]


def test_what_cannot_be_known_counts() -> None:
    found = judge([step(operation("Own", error="ValueError: no constraint"))], {})
    assert [one.reason for one in found] == ["what it does is not known: ValueError: no constraint"]


def test_what_is_said_of_a_finding() -> None:
    [found] = judge([step(TestWhatTheRunningCodeUses.drop)], table(old=REQUIRED))
    assert str(found).startswith(
        "shop.0002_x (shop/migrations/0002_x.py, line 7; RemoveField of the test): it drops the column 'old' of "
        "'shop_item', which the running code reads and writes. Deploy first a release that"
    )
    assert found.as_dict()["line"] == 7


def test_a_code_of_a_newer_linter_is_told_in_its_own_words() -> None:
    [found] = judge([step(operation(issues=[issue("NEW_CHECK", "shop_item")]))], table())
    assert found.reason == "NEW_CHECK of the linter"


def test_warnings_of_tables_that_are_in_use() -> None:
    warnings = [issue("CREATE_INDEX", "shop_item"), issue("CREATE_INDEX", "shop_new"), issue("REINDEX")]
    assert lock_warnings([step(warnings=warnings)], table()) == [
        "shop.0002_x: CREATE_INDEX of the linter.",
        "shop.0002_x: REINDEX of the linter.",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("varchar(50)", "varchar(50)", True),
        ("varchar(50)", "varchar(51)", True),
        ("varchar(50)", "varchar(49)", False),
        ("varchar(50)", "varchar", True),
        ("varchar(50)", "text", True),
        ("text", "varchar(50)", False),
        ("integer", "bigint", True),
        ("integer AUTO_INCREMENT", "bigint AUTO_INCREMENT", True),
        ("bigint", "integer", False),
        ("numeric(6, 2)", "numeric(9, 2)", True),
        ("numeric(6, 2)", "numeric(9, 4)", False),
        ("integer", "uuid", False),
    ],
)
def test_types_that_hold_what_the_old_one_did(old: str, new: str, expected: bool) -> None:
    assert holds(new, old) is expected
