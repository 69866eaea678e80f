"""The application's database: what is pending, a proven backup, migrating, and the way back.

A killed migration client goes on in the server and commits. So before anything is migrated, and where
a migration's end is unknown, the sessions of the server are asked; see "Common Issues" and "Database
Rollback" in deployment-workflow.md.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, InDoubt, MachineFault, Refused, WrongUsage
from handrail.tasks import migrations, postgres
from handrail.tasks.commands import Command
from handrail.tasks.migrations import Comparison, MigrationFile
from handrail.tasks.workplace import CommandFailed, Workplace, workplace

if TYPE_CHECKING:
    from handrail.project.model import Database

FRESH_BACKUP = 3600.0
FULL_BYTES = 1_000_000


def database_of(place: Workplace) -> Database:
    """The target's database. Raises `WrongUsage` where it names none."""
    database = place.target.database
    if database is None:
        raise WrongUsage(
            f"The target {place.site.name} names no database.",
            next_step="set the target's [database] url in handrail.toml.",
        )
    return database


def ask(place: Workplace, sql: str, dry: str = "") -> str:
    """The answer to a query. Raises `MachineFault` that says what to do where there is none."""
    command = postgres.query(place.target, database_of(place), sql, dry)
    outcome = place.attempt(command)
    if outcome.code:
        said = outcome.errors.strip()
        raise MachineFault(
            f"The database can't be asked: {postgres.reason(said) or 'psql ended without a word'}.",
            evidence=said,
            still_safe="nothing was changed in it by this command.",
            next_step=postgres.explain(said, command.environment),
        )
    return outcome.output.strip()


def applied_rows(place: Workplace, dry: Sequence[str] = ()) -> tuple[str, ...]:
    """The names of the applied migrations, oldest first; none in a database that never saw one."""
    table = database_of(place).migrations_table
    if ask(place, postgres.table_query(table), dry="t") != "t":
        return ()
    return tuple(ask(place, postgres.rows_query(table), dry="\n".join(dry)).splitlines())


def migrating(place: Workplace) -> tuple[postgres.Session, ...]:
    """Other sessions of this role that migrate at this moment."""
    return postgres.sessions(ask(place, postgres.MIGRATING))


def checkout_files(place: Workplace) -> tuple[MigrationFile, ...]:
    """The migration files of the checkout."""
    return migrations.files_in(place.site.checkout / database_of(place).migrations)


def look(place: Workplace) -> Comparison:
    """Files against rows, as they are now."""
    files = checkout_files(place)
    return migrations.compare(files, applied_rows(place, dry=[file.name for file in files]))


@task
def reachable(context: Context) -> None:
    """Check that the database answers."""
    place = workplace(context)
    try:
        answer = ask(place, "select current_database(), current_setting('server_version')", dry="|")
    except MachineFault as error:
        place.performer.verdict("fail", error.summary)
        raise
    place.conclude(True, f"database {answer.replace('|', ', PostgreSQL ')} answers")


@task
def pending(context: Context) -> None:
    """Look which migrations are pending, and whether they can be taken back; changes nothing."""
    place = workplace(context)
    found = look(place)
    if found.foreign:
        place.say(f"Applied, but without a file in this checkout: {', '.join(found.foreign)}")
    files = [file for file in checkout_files(place) if file.name in found.pending]
    judgement = migrations.judge(files, _dry_run(place, files))
    for line in judgement.lines:
        place.say(f"  {line}")
    if judgement.needs_undo:
        place.say(f"Not purely additive: {judgement.why}")
    facts: dict[str, object] = {
        "schema_before": found.last,
        "pending_migrations": ", ".join(found.pending),
        "destructive": judgement.needs_undo,
        "why": judgement.why,
    }
    # Looked at again after migrating, nothing is pending: what was true before must stand.
    migrated_since = place.earlier.get("schema_before", found.last) != found.last
    for name, value in facts.items():
        if migrated_since:
            place.first_fact(name, value)
        else:
            place.fact(name, value)
    place.conclude(
        True, f"{len(found.pending)} pending ({judgement.why}); the schema is at {found.last or 'its start'}"
    )


def _dry_run(place: Workplace, files: list[MigrationFile]) -> dict[str, str]:
    """The SQL of migrations that are code. Only by a script made for it: another may ignore the option."""
    if all(file.sql is not None for file in files):
        return {}
    database = database_of(place)
    outcome = place.attempt(postgres.npm_script(place.target, database, database.dry_run_script))
    if outcome.code:
        place.say(f"The script {database.dry_run_script} shows no SQL (exit code {outcome.code}).")
        return {}
    return migrations.dry_run_sql(outcome.output)


@task
def migrate(context: Context) -> None:
    """Run the pending migrations by the application's own script; each in one transaction."""
    place = workplace(context)
    database = database_of(place)
    before = look(place)
    refuse_while_migrating(place)
    command = postgres.npm_script(place.target, database, database.migrate_script)
    try:
        place.run(command)
    except CommandFailed as error:
        raise _explained(place, error, before.last) from error
    after = look(place)
    place.fact("schema_after", after.last)
    if after.pending:
        raise HandrailError(
            f"The script {database.migrate_script} ended well, but is missing in the database:"
            f" {', '.join(after.pending)}.",
            still_safe=f"the schema is at {after.last or 'its start'}.",
            next_step="see whether the script migrates this target's database, and not another one.",
        )


@task
def migrate_down(context: Context, to: str = "") -> None:
    """Take back the migrations applied after `to`, newest first (repeatable); data in them is lost."""
    place = workplace(context)
    database = database_of(place)
    refuse_while_migrating(place)
    found = look(place)
    rows = applied_rows(place, dry=[to, *(file.name for file in checkout_files(place)[-1:])])
    later = migrations.later_than(rows, to)
    if later is None:
        raise Refused(
            f"The database has no migration {to!r} to go back to.",
            evidence=f"applied: {', '.join(rows) or 'none'}",
            still_safe="nothing was changed.",
            next_step="look at the migrations table; restoring the backup is the way that remains.",
        )
    if not later:
        place.say(f"Nothing to take back: the schema is at {to or 'its start'}.")
        return
    if missing := set(later) & set(found.foreign):
        raise Refused(
            f"This checkout has no file for {', '.join(sorted(missing))}, so it can't take them back.",
            still_safe="nothing was changed.",
            next_step="check out the release that brought them, then retry: the schema goes back first.",
        )
    place.say(f"Taking back, newest first: {', '.join(reversed(later))}")
    command = postgres.npm_script(place.target, database, database.down_script, str(len(later)))
    try:
        place.run(command)
    except CommandFailed as error:
        raise _explained(place, error, found.last) from error
    last = (applied_rows(place, dry=[to]) or ("",))[-1]
    place.fact("schema_after", last)
    if last != to:
        raise HandrailError(
            f"The schema is at {last or 'its start'} and not at {to or 'its start'}.",
            next_step=f"see what the script {database.down_script} did; the backup is the other way.",
        )


@task
def applied(context: Context) -> None:
    """Check that every migration of the checkout is applied, and that none still runs."""
    place = workplace(context)
    running = migrating(place)
    found = look(place)
    if running:
        raise place.unknown(
            f"a migration still runs in the server: {running[0]}",
            next_step="wait until it ends, then look again: it goes on without its client, and commits.",
        )
    extra = f"; {len(found.foreign)} applied ones are unknown to this checkout" if found.foreign else ""
    place.conclude(
        not found.pending,
        f"not applied: {', '.join(found.pending)}{extra}"
        if found.pending
        else f"all applied; the schema is at {found.last or 'its start'}{extra}",
        next_step="run the migrations.",
    )


@task
def backup(context: Context, name: str = "") -> None:
    """Dump the database, read the whole dump back, and only then give it its name."""
    place = workplace(context)
    database = database_of(place)
    stamp = name or datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    final = database.backups / f"{place.site.name or 'database'}-{stamp}.dump"
    partial = final.with_name(f"{final.name}.partial")
    cwd = place.site.checkout
    place.run(Command(("mkdir", "-p", "-m", "700", str(database.backups)), cwd))
    try:
        place.run(postgres.dump(place.target, database, partial))
        if not place.performer.size(partial):
            raise HandrailError(f"pg_dump ended well, but {partial} is empty.")
        place.run(postgres.read_back(place.target, database, partial))
    except HandrailError as error:
        # Half a dump helps nobody, and holds the space that the next one needs.
        full = _is_full(database.backups)
        left = place.attempt(Command(("rm", "-f", str(partial)), cwd)).code
        raise HandrailError(
            f"There is no backup: the disk of {database.backups} is full."
            if full
            else f"There is no backup: {error.summary}",
            evidence=error.summary if full else error.evidence,
            still_safe="the database and the application are as before; nothing was migrated.",
            next_step=(f"remove {partial}; " if left else "")
            + _mend_of_backup(error, database.backups, full=full),
        ) from error
    place.run(Command(("mv", str(partial), str(final)), cwd))
    place.fact("backup", str(final))
    place.fact("backup_bytes", place.performer.size(final))
    place.fact("backup_sha256", place.performer.checksum(final))


def _is_full(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free < FULL_BYTES


def _mend_of_backup(error: HandrailError, folder: Path, *, full: bool) -> str:
    if isinstance(error, MachineFault):
        return error.next_step
    if full:
        return f"make room on it (df -h {folder}), then retry."
    return (
        f"read the message above: can the database be reached, is the disk full (df -h {folder}), does this"
        " pg_dump belong to the server (database.programs)? Then retry."
    )


@task
def backed_up(context: Context, backup: str = "", sha256: str = "") -> None:
    """Check that a backup stands: the named one unchanged, or else any of the last hour."""
    place = workplace(context)
    database = database_of(place)
    file = Path(backup) if backup else _newest(database.backups)
    if file is None or not place.performer.size(file):
        place.conclude(
            False,
            f"there is no backup {file}" if file else f"there is no backup in {database.backups}",
            next_step="make one: database.backup.",
        )
        return
    if not backup and (age := time.time() - file.stat().st_mtime) > FRESH_BACKUP:
        place.conclude(
            False, f"{file.name} is {age / 3600:.1f} hours old", next_step="make a new one: database.backup."
        )
    if sha256 and place.performer.checksum(file) not in (sha256, ""):
        place.conclude(
            False, f"{file} isn't what was written: its checksum differs", next_step="make a new one."
        )
    place.conclude(True, f"{file} ({place.performer.size(file)} bytes)")


def _newest(folder: Path) -> Path | None:
    return max(folder.glob("*.dump"), key=lambda path: path.stat().st_mtime, default=None)


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


def _explained(place: Workplace, error: CommandFailed, before: str) -> HandrailError:
    """What is known of the schema after a script failed."""
    try:
        running = migrating(place)
        rows = applied_rows(place)
    except HandrailError as unknown:
        return InDoubt(
            f"{error.summary} What became of the schema isn't known: {unknown.summary}",
            still_safe="the backup; and each migration that is one transaction is there as a whole, or not.",
            next_step="see that the database answers, then retry: it looks first what is applied, refuses"
            " while another migration runs, and runs only what is missing.",
        )
    if running:
        return InDoubt(
            f"{error.summary} Its migration still runs in the server.",
            evidence=str(running[0]),
            next_step="wait until it ends (it may commit), then retry: it looks first what is applied, and"
            " runs only what is missing.",
        )
    last = rows[-1] if rows else ""
    unchanged = last == before
    return HandrailError(
        error.summary,
        still_safe=f"the schema is {'still' if unchanged else 'now'} at {last or 'its start'}.",
        next_step="read the script's message above. A lock timeout means that another session holds the"
        " table: end it, then retry.",
    )
