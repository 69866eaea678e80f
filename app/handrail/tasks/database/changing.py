"""What is pending and how far it can be taken back, migrating, and the migrations' own way down.

A killed migration client goes on in the server and commits. So before anything is migrated, and where
a migration's end is unknown, the sessions of the server are asked; see "Common Issues" and "Database
Rollback" in deployment-workflow.md.
"""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, InDoubt, MachineFault, Refused
from handrail.policy.atomicity import judge_atomicity
from handrail.tasks import migrations, postgres
from handrail.tasks.database.asking import (
    applied_rows,
    ask,
    checkout_files,
    database_of,
    look,
    migrating,
    pending_files,
    refuse_while_migrating,
    sql_of,
)
from handrail.tasks.workplace import CommandFailed, Workplace, workplace


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
    dry_run = sql_of(place, files)
    judgement = migrations.judge(files, dry_run)
    for line in judgement.lines:
        place.say(f"  {line}")
    halting = migrations.reasons_against_atomicity(files, dry_run)
    nonatomic = "; ".join(f"{name}: {why}" for name, reasons in halting.items() for why in reasons or ())
    if nonatomic:
        place.say(f"Not one transaction, so that a failure midway leaves part of it behind: {nonatomic}")
    if judgement.needs_undo:
        place.say(f"Not purely additive: {judgement.why}")
    facts: dict[str, object] = {
        "schema_before": found.last,
        "pending_migrations": ", ".join(found.pending),
        "destructive": judgement.needs_undo,
        "why": judgement.why,
        "migration_classes": "; ".join(judgement.lines),
        "nonatomic": nonatomic,
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


@task
def atomic(context: Context) -> None:
    """Check that each pending migration is one transaction, so that a failure leaves nothing behind."""
    place = workplace(context)
    files = pending_files(place)
    judgement = judge_atomicity(migrations.reasons_against_atomicity(files, sql_of(place, files)))
    place.judge(
        judgement,
        next_step="read its warning, and be ready for a migration that stops halfway; waive this check with"
        " the reason why it can't be split, and what you do if it stops.",
    )


@task
def migrate(context: Context) -> None:
    """Run the pending migrations by the application's own script; each in one transaction."""
    bring_up(workplace(context))


def bring_up(place: Workplace) -> None:
    """Run the pending migrations, and see that none is missing then."""
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
    take_back(workplace(context), to)


def take_back(place: Workplace, to: str) -> None:
    """Take back the migrations applied after `to`, and see that the schema is there then."""
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
