"""A backup that counts: of this run, restored and compared; and every way in which it may be none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.faults.disk import mounted
from handrail.project.model import Database, Target
from sandbox_fixture import Shop, open_shop

__all__ = ["open_shop"]
pytestmark = pytest.mark.e2e
GATE = "database.backed_up"


def database_of(target: Target) -> Database:
    assert target.database is not None
    return target.database


def with_database(target: Target, **more: object) -> Target:
    return target.model_copy(update={"database": database_of(target).model_copy(update=more)})


@pytest.fixture
def shop(open_shop: Shop) -> Shop:
    """The shop as it stands: no test here changes its checkout or its schema."""
    return open_shop


@pytest.fixture
def target(shop: Shop, tmp_path: Path) -> Target:
    """The shop with one migration pending, its backups and its migrations in folders of the test."""
    migrations = tmp_path / "migrations"
    shutil.copytree(shop.production / "migrations", migrations)
    (migrations / "1790000000000_next.sql").write_text("ALTER TABLE orders ADD COLUMN n int;")
    shop.sql("insert into orders (item, quantity, cents) select 'mug', 1, 900 from generate_series(1, 5)")
    return with_database(shop.target, backups=tmp_path / "backups", migrations=str(migrations))


@pytest.fixture
def programs(target: Target, tmp_path: Path) -> Iterator[Path]:
    """A folder with PostgreSQL's programs, of which a test may replace one."""
    real = database_of(target).programs
    assert real is not None
    folder = tmp_path / "programs"
    folder.mkdir()
    for each in ("psql", "pg_dump", "pg_restore", "createdb"):
        (folder / each).symlink_to(real / each)
    return folder


def replace(programs: Path, name: str, script: str) -> None:
    """Put a shell script in the place of a program; `$REAL` is the program itself."""
    real = os.path.realpath(programs / name)
    (programs / name).unlink()
    (programs / name).write_text(f"#!/bin/sh\nREAL='{real}'\n{script}\n")
    (programs / name).chmod(0o755)


def administering(shop: Shop) -> Callable[[str], str]:
    """Runs a statement as the server's administrator."""
    url = database_of(shop.target).url.reveal()
    password = shop.record.passwords["admin"]
    address = f"postgresql://postgres:{password}@{url.partition('@')[2]}"
    programs = database_of(shop.target).programs
    return lambda sql: shop.run(f"{programs}/psql", "-XqAt", "-d", address, "-c", sql)


def scratch_databases(shop: Shop) -> str:
    return shop.sql("select datname from pg_database where datname ~ '_(scratch|restoring)_'")


def test_a_backup_of_this_run_is_needed_and_proved(begin, shop: Shop, target: Target, tmp_path: Path) -> None:
    without = begin(GATE, {}, target)
    assert (without.verdict, without.code) == ("fail", 1)
    assert "this run has made no backup" in without.log

    made = begin("database.backup", {}, target)
    assert made.code == 0, made.log
    facts = made.facts
    dump = Path(facts["backup"])
    assert facts["backup_bytes"] == dump.stat().st_size
    assert facts["backup_tables"] == 2
    assert 6 <= facts["backup_rows"] <= int(shop.sql("select count(*) from orders")) + 1
    assert "equal: 2 tables" in facts["backup_proof"]
    assert str(dump) in facts["restore_command"]
    assert "PGPASSWORD" not in made.log
    url = database_of(target).url.reveal()
    assert url.split(":")[2].split("@")[0] not in made.log + str(facts)
    assert scratch_databases(shop) == ""
    assert not list(dump.parent.glob("*.partial"))

    named = {"backup": facts["backup"], "sha256": facts["backup_sha256"]}
    passed = begin(GATE, named, target)
    assert (passed.verdict, passed.code) == ("pass", 0), passed.log

    earlier = tmp_path / "backups" / "older.dump"
    shutil.copy(dump, earlier)
    other = begin(GATE, named | {"backup": str(earlier)}, target)
    assert other.verdict == "fail"
    assert "isn't the backup that this run made" in other.log

    with dump.open("ab") as file:
        file.write(b"x")
    changed = begin(GATE, named, target)
    assert changed.verdict == "fail"
    assert "its checksum differs" in changed.log
    dump.unlink()
    assert "there is no backup" in begin(GATE, named, target).log

    (tmp_path / "migrations" / "1790000000000_next.sql").unlink()
    assert begin(GATE, {}, target).verdict == "pass", "nothing is pending any more"


def test_a_backup_of_before_this_run_does_not_count(begin, target: Target) -> None:
    made = begin("database.backup", {}, target)
    assert begin(GATE, {}, target).verdict == "pass"
    report = made.folder / "report.jsonl"
    report.write_text(report.read_text().replace(made.facts["backup_taken"], "2001-01-01T00:00:00+00:00"))
    old = begin(GATE, {}, target)
    assert old.verdict == "fail"
    assert "is older than this run" in old.log
    report.write_text(report.read_text().replace("2001-01-01T00:00:00+00:00", "2901-01-01T00:00:00+00:00"))
    assert begin(GATE, {}, target).verdict == "unknown"
    report.write_text(report.read_text().replace("backup_taken", "backup_not_taken"))
    assert begin(GATE, {}, target).verdict == "unknown"


@pytest.mark.parametrize(
    ("program", "script", "said"),
    [
        (
            "pg_dump",
            'PGDATABASE=postgres exec "$REAL" -Fc --file="$HANDRAIL_DUMP"',
            "the table public.orders is missing",
        ),
        (
            "pg_dump",
            'f="$HANDRAIL_DUMP"; "$REAL" "$@" && truncate -s $(($(stat -c %s "$f") * 7 / 10)) "$f"',
            "There is no backup",
        ),
        ("pg_dump", 'exec "$REAL" "$@" --exclude-table-data=orders', "orders has 0 rows instead of"),
        ("pg_dump", 'exec "$REAL" "$@" --schema-only', "rows instead of"),
        ("pg_dump", ': > "$HANDRAIL_DUMP"', "is empty"),
        ("pg_dump", "echo 'pg_dump: error: out of luck' >&2; exit 1", "out of luck"),
        (
            "pg_restore",
            'case "$*" in *--dbname*) echo "pg_restore: error: no" >&2; exit 1;; esac; exec "$REAL" "$@"',
            "can't be restored",
        ),
    ],
    ids=[
        "another database",
        "truncated",
        "a table left out",
        "schema only",
        "empty",
        "dump fails",
        "restore fails",
    ],
)
def test_a_dump_that_is_not_the_database_is_no_backup(
    begin, shop: Shop, target: Target, programs: Path, program: str, script: str, said: str
) -> None:
    replace(programs, program, script)
    bad = with_database(target, programs=programs)
    done = begin("database.backup", {}, bad)
    assert done.code == 1
    assert "There is no backup" in done.log
    assert said in done.log
    assert "backup" not in done.facts
    assert not list(database_of(bad).backups.iterdir()), "neither a dump nor a part of one is left"
    assert scratch_databases(shop) == ""
    assert begin(GATE, {}, bad).verdict == "fail"


def test_with_too_little_room_nothing_is_dumped(begin, target: Target, tmp_path: Path) -> None:
    with mounted(tmp_path / "small", megabytes=2) as disk:
        small = with_database(target, backups=disk.folder / "backups")
        done = begin("database.backup", {}, small)
        assert done.code == 1
        assert "there may not be room for it" in done.log
        assert "snapshot_dump" not in done.log
        disk.fill()
        full = begin("database.backup", {}, small)
        assert "the disk of" in full.log
        disk.free()


def test_a_role_that_may_not_create_databases_is_told_what_it_needs(
    begin, shop: Shop, target: Target
) -> None:
    administrator = administering(shop)
    administrator("alter role shop nocreatedb")
    try:
        done = begin("database.backup", {}, target)
        assert done.code == 1
        assert "database.admin_url" in done.log
    finally:
        administrator("alter role shop createdb")


def test_what_a_killed_attempt_left_is_dropped_by_the_next(begin, shop: Shop, target: Target) -> None:
    shop.sql("create database shop_handrail_scratch_20200101_000000")
    assert begin("database.backup", {}, target).code == 0
    assert scratch_databases(shop) == ""
