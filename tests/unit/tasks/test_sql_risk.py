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
        "ANALYZE a",
        'ALTER TYPE "s"."my type" ADD VALUE IF NOT EXISTS \'drop table a\'',
        "ALTER SEQUENCE s OWNED BY a.b",
        "CREATE INDEX CONCURRENTLY i ON a (b)",
        "CREATE TABLE c (LIKE a INCLUDING ALL)",
        "CREATE TABLE c AS SELECT * FROM a",
        "CREATE VIEW v AS SELECT 'delete from a'",
        "ALTER TABLE IF EXISTS a ADD COLUMN IF NOT EXISTS b text DEFAULT 'x'",
        "-- DROP TABLE a\nCREATE TABLE b (id int)",
        "",
    ),
    Risk.DATA: (
        "INSERT INTO a VALUES (1)",
        "INSERT INTO a SELECT * FROM b ON CONFLICT DO NOTHING",
        "WITH new AS (INSERT INTO a VALUES (1) RETURNING *) SELECT * FROM new",
    ),
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
        "DROP INDEX CONCURRENTLY i",
        "ALTER TABLE a ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON a",
        "CREATE RULE r AS ON INSERT TO a DO NOTHING",
        "CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
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
        "ALTER TYPE t RENAME VALUE 'x' TO 'y'",
        "ALTER TABLE a OWNER TO b",
        "ALTER TABLE a SET SCHEMA b",
        "ALTER TABLE a DISABLE TRIGGER t",
        "ALTER TABLE a DETACH PARTITION b",
        "DROP EXTENSION pgcrypto",
        "DROP ROLE r",
        "VACUUM a",
        "REINDEX TABLE a",
        "CLUSTER a",
        "LOCK TABLE a",
        "EXECUTE p",
        "PREPARE p AS DELETE FROM a",
        "EXPLAIN ANALYZE DELETE FROM a",
        "SELECT setval('s', 1)",
        "SELECT pg_catalog.set_config('search_path', '', false)",
        "CREATE TABLE b AS SELECT f() FROM a",
        'ALTER TYPE "add value" RENAME TO t',
        "ALTER SYSTEM SET fsync = off",
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
        "TRUNCATE TABLE a, b RESTART IDENTITY CASCADE",
        "UPDATE a SET b = 1",
        "WITH new AS (UPDATE a SET b = 1 RETURNING *) SELECT * FROM new",
        "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 2",
        "DELETE FROM a USING b WHERE a.id = b.id",
        "DROP SCHEMA s CASCADE",
        "DROP TYPE t",
        "DROP FUNCTION f",
        "DROP SEQUENCE s",
        "DROP MATERIALIZED VIEW v",
        "DROP TABLE IF EXISTS a",
        "/* harmless */ DROP TABLE a -- CREATE TABLE a",
        "SELECT 'x'; TRUNCATE a",
        "ALTER VIEW v RENAME TO w",
        "ALTER TABLE a ADD COLUMN b int; UPDATE a SET b = 1; ALTER TABLE a ALTER COLUMN b SET NOT NULL",
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
