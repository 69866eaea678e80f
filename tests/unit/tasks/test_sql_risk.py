"""How far a statement can be taken back."""

from __future__ import annotations

import pytest

from handrail.tasks.sql_risk import Risk, classify, up_part, worst

CASES = {
    Risk.ADDITIVE: (
        "ALTER TABLE a ADD COLUMN b int",
        "ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0",
        "ALTER TABLE a ADD b text",
        "ALTER TABLE a ADD COLUMN b serial NOT NULL",
        "ALTER TABLE a ALTER COLUMN b SET DEFAULT 1",
        "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, q int NOT NULL CHECK (q > 0))",
        "CREATE TABLE IF NOT EXISTS a (id int)",
        "CREATE INDEX i ON a (b)",
        "CREATE SEQUENCE s",
        "CREATE TYPE t AS ENUM ('x')",
        "CREATE EXTENSION pgcrypto",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
        "ALTER TYPE t ADD VALUE 'x'",
        "COMMENT ON TABLE a IS 'drop table a'",
        "GRANT SELECT ON a TO b",
        "BEGIN",
        "SET lock_timeout = '5s'",
        "SELECT 1",
        "-- DROP TABLE a\nCREATE TABLE b (id int)",
        "",
    ),
    Risk.DATA: ("INSERT INTO a VALUES (1)", "UPDATE a SET b = 1"),
    Risk.CONSTRAINING: (
        "ALTER TABLE a ADD COLUMN b int NOT NULL",
        "ALTER TABLE a ADD COLUMN b int REFERENCES c (id)",
        "ALTER TABLE a ADD COLUMN b int UNIQUE",
        "ALTER TABLE a ADD CONSTRAINT x CHECK (b > 0)",
        "ALTER TABLE a DROP CONSTRAINT x",
        "ALTER TABLE a ALTER COLUMN b SET NOT NULL",
        "ALTER TABLE a ALTER COLUMN b DROP NOT NULL",
        "ALTER TABLE a ALTER COLUMN b DROP DEFAULT",
        "ALTER TABLE a VALIDATE CONSTRAINT x",
        "CREATE UNIQUE INDEX i ON a (b)",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "DROP INDEX i",
    ),
    Risk.OPAQUE: (
        "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$",
        "SELECT my_function()",
        "SELECT * INTO b FROM a",
        "COPY a FROM '/x'",
        "CALL p()",
        "this is no sql at all",
        "ALTER TABLE a ADD COLUMN (",
        "REVOKE ALL ON a FROM b",
    ),
    Risk.DESTRUCTIVE: (
        "DROP TABLE a",
        "DROP VIEW v",
        "ALTER TABLE a DROP COLUMN b",
        "ALTER TABLE a ADD COLUMN b int, DROP COLUMN c",
        "ALTER TABLE a ALTER COLUMN b TYPE bigint",
        "ALTER TABLE a RENAME COLUMN b TO c",
        "ALTER TABLE a RENAME TO c",
        "TRUNCATE a",
        "DELETE FROM a",
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
        "WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone",
        "CREATE TABLE b (id int); DROP TABLE a",
    ),
}


@pytest.mark.parametrize(("risk", "sql"), [(risk, sql) for risk, many in CASES.items() for sql in many])
def test_risk_of_a_statement(risk: Risk, sql: str) -> None:
    assert worst(classify(sql)) is risk


def test_deep_nesting_is_opaque_and_no_crash() -> None:
    assert worst(classify("SELECT " + "(" * 5_000 + "1" + ")" * 5_000)) is Risk.OPAQUE


@pytest.mark.parametrize(
    ("text", "up"),
    [
        ("CREATE TABLE a ()", "CREATE TABLE a ()"),
        ("-- Up Migration\nCREATE TABLE a ();\n-- Down Migration\nDROP TABLE a;", "CREATE TABLE a ();"),
        ("-- Down Migration\nDROP TABLE a;\n-- Up Migration\nSELECT 1;", "SELECT 1;"),
        ("--- up migration ---\nSELECT 1;", "---\nSELECT 1;"),
    ],
)
def test_only_the_way_up_is_judged(text: str, up: str) -> None:
    assert up_part(text).strip() == up
