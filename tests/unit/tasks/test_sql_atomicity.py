"""What can't be taken back by its transaction."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.tasks.migrations import MigrationFile, has_way_down, reasons_against_atomicity
from handrail.tasks.sql_atomicity import nonatomic


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY i ON a (b)",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)",
        "DROP INDEX CONCURRENTLY i",
        "REINDEX INDEX CONCURRENTLY i",
        "REINDEX (VERBOSE) TABLE CONCURRENTLY a",
        "VACUUM",
        "VACUUM FULL a",
        "ALTER TYPE t ADD VALUE 'x'",
        "COMMIT",
        "END",
        "ROLLBACK",
        "BEGIN; CREATE TABLE a (id int); COMMIT",
        "CREATE DATABASE d",
        "DROP DATABASE d",
        "CREATE TABLESPACE t LOCATION '/x'",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "ALTER TABLE a DETACH PARTITION b CONCURRENTLY",
        "CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p",
        "DISCARD ALL",
        "CLUSTER",
        "-- no transaction\nCREATE TABLE a (id int)",
        "-- disable: no-transaction\nCREATE TABLE a (id int)",
        "-- migrate:up transaction:false\nCREATE TABLE a (id int)",
        "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY i ON a (id)",
    ],
)
def test_what_is_not_one_transaction(sql: str) -> None:
    assert nonatomic(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "CREATE INDEX i ON a (b)",
        "CREATE TABLE concurrently (id int)",
        "COMMENT ON TABLE a IS 'VACUUM'",
        "-- one transaction\nCREATE TABLE a (id int)",
        "-- CREATE INDEX CONCURRENTLY i ON a (b)\nCREATE TABLE a (id int)",
        "ALTER TYPE t RENAME VALUE 'x' TO 'y'",
        "ALTER TABLE a DETACH PARTITION b",
        "REINDEX TABLE a",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "INSERT INTO a VALUES ('COMMIT; VACUUM')",
        "DO $$ BEGIN NULL; END $$",
        "BEGIN",
    ],
)
def test_what_is_one_transaction(sql: str) -> None:
    assert nonatomic(sql) == []


def test_code_is_judged_by_its_wish_and_by_its_dry_run(tmp_path: Path) -> None:
    def code(name: str, text: str) -> MigrationFile:
        (tmp_path / name).write_text(text)
        return MigrationFile(name, tmp_path / name, None)

    files = [
        code("1.js", "exports.up = (pgm) => pgm.noTransaction()"),
        code("2.js", "exports.up = (pgm) => pgm.createIndex('a', 'b', { concurrently: true })"),
        code("3.js", ""),
        code("4.js", ""),
    ]
    dry = {
        "2.js": "CREATE INDEX CONCURRENTLY i ON a (b);",
        "3.js": "BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;",
    }
    found = reasons_against_atomicity(files, dry)
    assert [bool(found["1.js"]), bool(found["2.js"]), found["3.js"], found["4.js"]] == [True, True, (), None]


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("-- Up Migration\nDROP TABLE a;\n-- Down Migration\nCREATE TABLE a (id int);", True),
        ("-- Up Migration\nDROP TABLE a;\n-- Down Migration\n-- can't\n", False),
        ("-- Up Migration\nDROP TABLE a;\n-- Down Migration\n", False),
        ("DROP TABLE a;", False),
    ],
)
def test_a_way_down_is_at_least_one_statement(text: str, has: bool) -> None:
    assert has_way_down(MigrationFile("1", Path("1.sql"), text)) is has
