"""Asking the database: its answers, its migrations table, its sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handrail.errors import MachineFault, Refused, WrongUsage
from handrail.probes import libpq
from handrail.tasks import migrations, postgres
from handrail.tasks.commands import Command
from handrail.tasks.migrations import Comparison, MigrationFile
from handrail.tasks.workplace import Workplace

if TYPE_CHECKING:
    from handrail.project.model import Database

SCRIPTS = Path(__file__).with_name("sql")


def database_of(place: Workplace) -> Database:
    """The target's database. Raises `WrongUsage` where it names none."""
    database = place.target.database
    if database is None:
        raise WrongUsage(
            f"The target {place.site.name} names no database.",
            next_step="set the target's [database] url in handrail.toml.",
        )
    return database


def answer(place: Workplace, command: Command) -> str:
    """What psql answers. Raises `MachineFault` that says what to do where there is no answer."""
    outcome = place.attempt(command)
    if outcome.code:
        said = outcome.errors.strip()
        raise MachineFault(
            f"The database can't be asked: {libpq.reason(said) or 'psql ended without a word'}.",
            evidence=said,
            still_safe="nothing was changed in it by this command.",
            next_step=postgres.explain(said, command.environment),
        )
    return outcome.output.strip()


def ask(place: Workplace, sql: str, dry: str = "") -> str:
    """The answer to a query. Raises `MachineFault` that says what to do where there is none."""
    return answer(place, postgres.query(place.target, database_of(place), sql, dry))


def applied_rows(place: Workplace, dry: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the applied migrations, oldest first; none in a database that never saw one."""
    table = database_of(place).migrations_table
    if ask(place, postgres.table_query(table), dry="t") != "t":
        return ()
    return tuple(ask(place, postgres.rows_query(table), dry="\n".join(dry)).splitlines())


def migrating(place: Workplace) -> tuple[postgres.Session, ...]:
    """Other sessions of this role that migrate at this moment."""
    return postgres.sessions(ask(place, postgres.MIGRATING))


def refuse_while_migrating(place: Workplace) -> None:
    """Raise `Refused` while another session migrates: a killed client's one goes on, and commits."""
    if running := migrating(place):
        raise Refused(
            "Another session changes this database's schema at this moment.",
            evidence="\n".join(str(session) for session in running),
            still_safe="nothing was started.",
            next_step="wait until it ends, then look with database.pending what it did. It is perhaps an"
            " earlier attempt whose client was killed.",
        )


def checkout_files(place: Workplace) -> tuple[MigrationFile, ...]:
    """The migration files of the checkout."""
    return migrations.files_in(place.site.checkout / database_of(place).migrations)


def look(place: Workplace) -> Comparison:
    """Files against rows, as they are now."""
    files = checkout_files(place)
    return migrations.compare(files, applied_rows(place, dry=[file.name for file in files]))


def pending_files(place: Workplace) -> tuple[MigrationFile, ...]:
    """The files of the checkout that have no row yet."""
    pending = set(look(place).pending)
    return tuple(file for file in checkout_files(place) if file.name in pending)


def sql_of(place: Workplace, files: Sequence[MigrationFile]) -> dict[str, str]:
    """The SQL of migrations that are code. Only by a script made for it: another may ignore the option."""
    if all(file.sql is not None for file in files):
        return {}
    database = database_of(place)
    outcome = place.attempt(postgres.npm_script(place.target, database, database.dry_run_script))
    if outcome.code:
        place.say(f"The script {database.dry_run_script} shows no SQL (exit code {outcome.code}).")
        return {}
    return migrations.dry_run_sql(outcome.output)


def migration_table(place: Workplace) -> str:
    """The migrations table with its schema, as the row counts name it."""
    table = database_of(place).migrations_table
    return table if "." in table else f"public.{table}"
