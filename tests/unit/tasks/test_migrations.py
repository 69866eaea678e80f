"""Migrations as files and as rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.tasks.migrations import MigrationFile, compare, dry_run_sql, files_in, judge, later_than


def sql(name: str, text: str) -> MigrationFile:
    return MigrationFile(name, Path(f"{name}.sql"), text)


def code(name: str) -> MigrationFile:
    return MigrationFile(name, Path(f"{name}.js"), None)


def test_files_in_their_order_without_what_is_no_migration(tmp_path: Path) -> None:
    for name in ("10_b.sql", "9_a.js", ".hidden.sql", "types.d.ts", "README.md"):
        (tmp_path / name).write_text("SELECT 1")
    found = files_in(tmp_path)
    assert [(file.name, file.sql) for file in found] == [("9_a", None), ("10_b", "SELECT 1")]
    assert files_in(tmp_path / "absent") == ()


@pytest.mark.parametrize(
    ("files", "rows", "pending", "foreign", "last"),
    [
        ((), (), (), (), ""),
        (("1", "2"), (), ("1", "2"), (), ""),
        (("1", "2"), ("1",), ("2",), (), "1"),
        (("1",), ("1", "2"), (), ("2",), "2"),
        (("1", "3"), ("1", "2"), ("3",), ("2",), "2"),
    ],
)
def test_files_against_rows(
    files: tuple[str, ...],
    rows: tuple[str, ...],
    pending: tuple[str, ...],
    foreign: tuple[str, ...],
    last: str,
) -> None:
    found = compare([sql(name, "") for name in files], rows)
    assert (found.pending, found.foreign, found.last) == (pending, foreign, last)


@pytest.mark.parametrize(
    ("rows", "schema", "later"),
    [
        (("1", "2", "3"), "1", ("2", "3")),
        (("1", "2"), "2", ()),
        (("1", "2"), "", ("1", "2")),
        (("1",), "gone", None),
        ((), "", ()),
    ],
)
def test_what_was_applied_later(rows: tuple[str, ...], schema: str, later: tuple[str, ...] | None) -> None:
    assert later_than(rows, schema) == later


@pytest.mark.parametrize(
    ("pending", "dry_run", "needs_undo", "said"),
    [
        ([], {}, False, "none pending"),
        ([sql("1", "ALTER TABLE a ADD COLUMN b int")], {}, False, "only add"),
        ([sql("1", "ALTER TABLE a DROP COLUMN b")], {}, True, "1: destructive: ALTER TABLE a DROP COLUMN b"),
        (
            [sql("1", "-- Up Migration\nCREATE TABLE a ();\n-- Down Migration\nDROP TABLE a")],
            {},
            False,
            "only add",
        ),
        ([code("1")], {"1": "CREATE TABLE a (id int)"}, False, "only add"),
        ([code("1")], {"1": "DROP TABLE a"}, True, "destructive"),
        ([code("1")], {}, True, "no dry run shows its SQL"),
        ([sql("1", "not sql")], {}, True, "opaque"),
        ([sql(str(n), "DROP TABLE a") for n in range(8)], {}, True, "and 3 more"),
    ],
)
def test_only_what_adds_needs_no_way_down(
    pending: list[MigrationFile], dry_run: dict[str, str], needs_undo: bool, said: str
) -> None:
    judgement = judge(pending, dry_run)
    assert judgement.needs_undo is needs_undo
    assert said in judgement.why


def test_a_dry_run_is_split_by_migration() -> None:
    text = (
        "> Migrating files:\n> - 1_a\n### MIGRATION 1_a (UP) ###\nCREATE TABLE a ();\n\n"
        "### MIGRATION 2_b (UP) ###\nDROP TABLE a;\n"
    )
    found = dry_run_sql(text)
    assert {name: part.strip() for name, part in found.items()} == {
        "1_a": "CREATE TABLE a ();",
        "2_b": "DROP TABLE a;",
    }
