"""The database's ways back on the real parts: rehearsed, taken back, restored; migrations that break off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from handrail.errors import ExitCode
from handrail.project.model import Secret, Target
from sandbox_fixture import Shop
from waiting import wait_for

pytestmark = pytest.mark.e2e
CREATED = "1700000000000_create-orders"
NOTED = "1710000000000_add-gift-note"
DROPPED = "1720000000000_drop-coupon"
GATE = "database.down_rehearsed"


def with_database(target: Target, **more: object) -> Target:
    assert target.database is not None
    return target.model_copy(update={"database": target.database.model_copy(update=more)})


@pytest.fixture
def production(shop: Shop, tmp_path: Path) -> Target:
    """Production with v1.4.0 checked out: it drops a column."""
    shop.run("git", "checkout", "--quiet", "--detach", "v1.4.0")
    shop.sql("insert into orders (item, quantity, cents, coupon) values ('vase', 1, 900, 'SPRING')")
    return with_database(shop.target, backups=tmp_path / "backups", rehearsals=tmp_path / "rehearsals.jsonl")


@pytest.fixture
def staging(production: Target, shop: Shop) -> Iterator[Target]:
    """A staging target of the same checkout, with a database of its own."""
    database = production.database
    assert database is not None
    shop.sql("create database shop_rehearsed template shop_released")
    url = database.url.reveal().rpartition("/")[0] + "/shop_rehearsed"
    settings = shop.production / ".env"
    original = settings.read_text()
    settings.write_text(original.replace(database.url.reveal(), url))
    assert settings.read_text() != original
    target = with_database(production, url=Secret(value=url))
    yield target.model_copy(update={"name": "staging", "production": False})
    settings.write_text(original)
    shop.sql("drop database shop_rehearsed with (force)")


def schema(shop: Shop) -> str:
    return shop.sql(
        "select string_agg(table_name || '.' || column_name, ',' order by table_name, column_name)"
        " from information_schema.columns where table_schema = 'public'"
    )


def test_a_way_down_is_rehearsed_for_its_very_file(
    begin, shop: Shop, production: Target, staging: Target
) -> None:
    record = production.database.rehearsals
    never = begin(GATE, {}, production)
    assert (never.verdict, never.code) == ("fail", 1)
    assert f"{DROPPED}: it was never rehearsed" in never.log
    assert NOTED not in never.log, "what only adds needs no way down"
    assert "production target" in begin("database.rehearse", {}, production).log

    done = begin("database.rehearse", {}, staging)
    assert done.code == 0, done.log
    assert done.facts["rehearsed"] == f"{NOTED}, {DROPPED}"
    assert "another order" in done.log
    entry: dict[str, Any] = json.loads(record.read_text().splitlines()[-1])
    assert (entry["name"], entry["passed"], entry["target"]) == (DROPPED, True, "staging")
    assert entry["down_seconds"] > 0
    assert entry["commit"] == shop.run("git", "rev-parse", "HEAD").strip()
    passed = begin(GATE, {}, production)
    assert (passed.verdict, passed.facts["down_rehearsed_seconds"]) == ("pass", entry["down_seconds"])

    file = shop.production / "migrations" / f"{DROPPED}.sql"
    original = file.read_text()
    file.write_text(original + "-- changed\n")
    changed = begin(GATE, {}, production)
    assert changed.verdict == "fail"
    assert "its file has changed since it was rehearsed" in changed.log
    file.write_text(original.partition("-- Down Migration")[0])
    assert "have no way down" in begin(GATE, {}, production).log

    file.write_text(original)
    assert begin("database.migrate_down", {"to": CREATED}, staging).code == 0
    file.write_text(original.replace("ADD COLUMN coupon text NOT NULL DEFAULT ''", "ADD COLUMN cupon text"))
    wrong = begin("database.rehearse", {}, staging)
    assert wrong.code == 1
    assert "doesn't bring the schema back" in wrong.log
    refused = begin(GATE, {}, production)
    assert refused.verdict == "fail"
    assert "its rehearsal failed on staging" in refused.log
    file.write_text(original)
    assert begin(GATE, {}, production).verdict == "pass", "the file is again the one that was rehearsed"
    with record.open("a") as lines:
        lines.write('{"name": "torn')
    assert begin(GATE, {}, production).verdict == "unknown"


def test_the_backup_is_restored_and_says_what_is_lost(begin, shop: Shop, production: Target) -> None:
    backup = begin("database.backup", {}, production)
    assert backup.code == 0, backup.log
    columns = schema(shop)
    assert begin("database.migrate", {}, production).code == 0
    shop.sql("update orders set item = 'cup' where item = 'vase'")
    shop.sql("insert into orders (item, quantity, cents) select 'late', 1, 1 from generate_series(1, 7)")
    # Its way down fails: the backup is what remains.
    file = shop.production / "migrations" / f"{DROPPED}.sql"
    file.write_text(file.read_text().replace("ADD COLUMN coupon", "ADD COLUMN quantity"))
    assert begin("database.migrate_down", {"to": CREATED}, production).code == 1

    named = {"backup": backup.facts["backup"], "sha256": backup.facts["backup_sha256"]}
    looked = begin("database.loss", named, production)
    assert looked.verdict == "pass", looked.log
    said = looked.facts["rows_lost"]
    assert said.startswith("public.orders: ")
    written = int(said.split()[1])
    assert 8 <= written <= int(shop.sql("select count(*) from orders"))
    assert "1 changed or deleted since would be as they were" in said

    broken = begin("database.restore", named | {"sha256": "0" * 64}, production)
    assert broken.code == ExitCode.REFUSED
    assert "its checksum differs" in broken.log
    done = begin("database.restore", {}, production)
    kept = done.facts.get("database_before_restore", "")
    try:
        assert done.code == 0, done.log
        assert done.log.index("rows written since") < done.log.index("pg_restore")
        assert schema(shop) == columns
        assert shop.sql("select count(*) from orders where item = 'late'") == "0"
        assert shop.sql("select coupon from orders where item = 'vase'") == "SPRING"
        assert begin("database.applied", {}, production).verdict == "fail", "the migrations are gone with it"
        old = production.database.url.reveal().rpartition("/")[0] + f"/{kept}"
        looked = begin("database.pending", {}, with_database(production, url=Secret(value=old)))
        assert looked.facts["schema_before"] == DROPPED, "what was there is kept, and takes connections"
        wait_for(lambda: shop.get("/healthz", past_proxy=True).status_code == 200, "the application's pool")
    finally:
        if kept:
            shop.sql(f'drop database "{kept}" with (force)')


def test_a_restore_that_fails_leaves_the_database_as_it_was(
    begin, shop: Shop, production: Target, tmp_path: Path
) -> None:
    assert begin("database.backup", {}, production).code == 0
    columns = schema(shop)
    real = production.database.programs
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "psql").symlink_to(real / "psql")
    (programs / "pg_restore").write_text("#!/bin/sh\necho 'pg_restore: error: no' >&2\nexit 1\n")
    (programs / "pg_restore").chmod(0o755)
    failed = begin("database.restore", {}, with_database(production, programs=programs))
    assert failed.code == 1
    assert "is as it was, and takes connections" in failed.log
    (programs / "pg_restore").unlink()
    (programs / "pg_restore").symlink_to(real / "pg_restore")
    # The swap itself fails: the application's sessions are ended, and the names stay.
    (programs / "psql").unlink()
    swap = 'case "$*" in *swap.sql*) shift 0; exec "$REAL" "$@" -v new=gone;; esac; exec "$REAL" "$@"'
    (programs / "psql").write_text(f"#!/bin/sh\nREAL='{os.path.realpath(real / 'psql')}'\n{swap}\n")
    (programs / "psql").chmod(0o755)
    failed = begin("database.restore", {}, with_database(production, programs=programs))
    assert failed.code == 1
    assert "is as it was, and takes connections" in failed.log
    assert schema(shop) == columns
    assert shop.sql("select datname from pg_database where datname ~ '_(restoring|before_restore)_'") == ""


def test_a_migration_that_fails_on_its_second_statement_leaves_nothing(
    begin, shop: Shop, production: Target
) -> None:
    columns = schema(shop)
    migrations = shop.production / "migrations"
    (migrations / "1790000000000_broken.sql").write_text(
        "-- Up Migration\nCREATE TABLE half (id int);\nALTER TABLE nowhere ADD COLUMN b int;\n"
        "-- Down Migration\nDROP TABLE half;\n"
    )
    assert begin("database.atomic", {}, production).verdict == "pass"
    done = begin("database.migrate", {}, production)
    assert done.code == 1
    assert f"the schema is still at {CREATED}" in done.log
    assert schema(shop) == columns
    # One that can't be atomic says so beforehand.
    (migrations / "1790000000000_broken.sql").write_text(
        "CREATE TABLE half (id int);\nCREATE INDEX CONCURRENTLY slow ON orders (item);\n"
    )
    looked = begin("database.pending", {}, production)
    assert "CREATE INDEX CONCURRENTLY slow" in looked.facts["nonatomic"]
    assert "1790000000000_broken: additive" in looked.facts["migration_classes"]
    assert f"{DROPPED}: destructive" in looked.facts["migration_classes"]
    refused = begin("database.atomic", {}, production)
    assert (refused.verdict, refused.code) == ("fail", 1)
    (migrations / "1790000000000_broken.sql").unlink()
    (migrations / "1790000000000_code.js").write_text(
        "exports.up = (pgm) => { pgm.noTransaction(); pgm.sql('select 1') }\n"
    )
    assert "pgm.noTransaction()" in begin("database.atomic", {}, production).log


def test_a_migration_whose_client_is_killed_is_asked_about(begin, shop: Shop, production: Target) -> None:
    columns = schema(shop)
    (shop.production / "migrations" / "1790000000000_slow.sql").write_text(
        "CREATE TABLE slow (id int);\nSELECT pg_sleep(300);\n"
    )
    client = subprocess.Popen(
        ["npm", "run", "migrate:prod"],
        cwd=shop.production,
        env=shop.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    sleeping = (
        "select pid from pg_stat_activity where query like '%pg_sleep(300)%' and pid <> pg_backend_pid()"
    )
    try:
        wait_for(lambda: shop.sql(sleeping), "the slow migration")
        for process in psutil.Process(client.pid).children(recursive=True):
            process.send_signal(signal.SIGKILL)
        client.kill()
        client.wait(20)
        asked = begin("database.applied", {}, production)
        assert (asked.verdict, asked.code) == ("unknown", 1)
        assert "a migration still runs in the server" in asked.log
        again = begin("database.migrate", {}, production)
        assert "Another session changes this database's schema" in again.log
        assert "npm run" not in again.log
    finally:
        shop.sql(f"select pg_terminate_backend(pid) from ({sleeping}) s")
    wait_for(lambda: not shop.sql(sleeping), "its end")
    assert begin("database.applied", {}, production).verdict == "fail"
    assert schema(shop) == columns
