"""Restoring this run's backup where the migrations' own way down fails, and what that would lose.

deployment-workflow.md, "Database Rollback". The backup is restored beside the database, compared, and only
then put in its place; what was there stays, under another name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, InDoubt, Refused
from handrail.probes import libpq
from handrail.tasks import postgres
from handrail.tasks.database.asking import (
    SCRIPTS,
    answer,
    ask,
    database_of,
    migration_table,
    refuse_while_migrating,
)
from handrail.tasks.database.backing_up import LONGEST_NAME, now_stamp, read_manifest
from handrail.tasks.row_counts import SHOWN_TABLES, RowCounts, differences, losses, lost_rows, read_counts
from handrail.tasks.workplace import CommandFailed, Workplace, latest_facts, workplace

_PLACE_FOR_STAMP = len("_before_restore_20000101_000000")


@task
def loss(context: Context, backup: str = "", sha256: str = "") -> None:
    """Look what restoring the backup would lose: the rows written since, by table; changes nothing."""
    place = workplace(context)
    dump, counts = _backup_of(place, backup, sha256)
    try:
        said = _losses(place, counts)
    except HandrailError as error:
        raise place.unknown(
            f"what restoring {dump} would lose can't be told: {error.summary}", next_step=error.next_step
        ) from error
    place.fact("rows_lost", "; ".join(said))
    lines = said or ["nothing was written since the backup"]
    place.conclude(True, "\n".join((f"restoring {dump} would lose:", *(f"- {line}" for line in lines))))


@task
def restore(context: Context, backup: str = "", sha256: str = "") -> None:
    """Restore the backup beside the database, compare, and put it in its place; the old one is kept."""
    place = workplace(context)
    database, target = database_of(place), place.target
    dump, counts = _backup_of(place, backup, sha256)
    refuse_while_migrating(place)
    try:
        said = _losses(place, counts)
    except HandrailError as error:
        said = [f"it can't be told what: {error.summary}"]
    place.say("Restoring loses what was written since the backup:")
    for line in said or ["nothing"]:
        place.say(f"  {line}")
    place.fact("rows_lost", "; ".join(said))
    name = ask(place, "select current_database()", dry="database")
    stamp = now_stamp()
    room = LONGEST_NAME - _PLACE_FOR_STAMP
    new, old = f"{name[:room]}_restoring_{stamp}", f"{name[:room]}_before_restore_{stamp}"
    where = _admin_where(place)
    try:
        _restore_beside(place, dump, counts, where, model=name, new=new)
        swap = postgres.script(target, database, SCRIPTS / "swap.sql", where, name=name, new=new, old=old)
        ended = _ended(answer(place, swap))
    except HandrailError as error:
        raise _not_restored(place, error, where, name=name, new=new, old=old) from error
    place.fact("restored_from", str(dump))
    place.fact("database_before_restore", old)
    place.fact("sessions_ended", ended)
    place.say(
        f"{ended} sessions were ended. The application connects anew by itself where it has a pool of"
        " connections; where it doesn't, restart it."
    )
    found = _count(place, libpq.connection(database.url.reveal()), "count_rows.sql")
    if missing := lost_rows(counts.rows, found.rows):
        raise HandrailError(
            f"The restored database isn't whole: {missing[0]}.",
            evidence="\n".join(missing[:SHOWN_TABLES]),
            still_safe=f"what was there before is kept as the database {old}.",
            next_step="see whether the application deleted them just now; else bring the old database back.",
        )
    place.say(
        f"{name} is the backup's again ({counts.told()}). What was there is kept as {old}: take from it"
    )
    place.say("what was written since, and drop it when nothing in it is needed any more.")


def _backup_of(place: Workplace, backup: str, sha256: str) -> tuple[Path, RowCounts]:
    """The dump and its rows, unchanged since it was proved. Raises `Refused` where it isn't that."""
    facts = latest_facts(place.folder) if place.folder else {}
    named = backup or str(facts.get("backup") or "")
    dump = Path(named or "the-backup-of-this-run.dump")
    manifest = read_manifest(place, dump) if place.performer.size(dump) else None
    if manifest is None:
        raise Refused(
            f"There is no backup {dump} with its list of rows beside it."
            if named
            else "This run has made no backup.",
            still_safe="nothing was changed.",
            next_step="name one by the argument `backup`; one without its list must be restored by hand.",
        )
    checksum = place.performer.checksum(dump)
    if checksum not in (sha256 or manifest[0], "") or manifest[0] not in (checksum, ""):
        raise Refused(
            f"{dump} isn't what was written and proved: its checksum differs.",
            still_safe="nothing was changed.",
            next_step="find another copy of it. Don't restore this one.",
        )
    return dump, manifest[1]


def _admin_where(place: Workplace) -> Mapping[str, str]:
    database = database_of(place)
    where = libpq.connection((database.admin_url or database.url).reveal())
    return {**where, "PGDATABASE": database.maintenance_database}


def _count(place: Workplace, where: Mapping[str, str], script: str, **variables: str) -> RowCounts:
    command = postgres.script(place.target, database_of(place), SCRIPTS / script, where, **variables)
    return read_counts(answer(place, command))


def _losses(place: Workplace, counts: RowCounts) -> list[str]:
    where = libpq.connection(database_of(place).url.reveal())
    now = _count(place, where, "count_written.sql", snapshot=counts.snapshot)
    return [str(each) for each in losses(counts, now, without=(migration_table(place),))]


def _restore_beside(
    place: Workplace, dump: Path, counts: RowCounts, where: Mapping[str, str], *, model: str, new: str
) -> None:
    """Restore into a new database like `model`, and compare with what the backup held."""
    database, target = database_of(place), place.target
    answer(
        place, postgres.script(target, database, SCRIPTS / "create_like.sql", where, model=model, name=new)
    )
    inside = {**where, "PGDATABASE": new}
    place.run(postgres.restore(target, database, inside, dump))
    found = _count(place, inside, "count_rows.sql")
    if said := differences(counts.rows, found.rows):
        raise HandrailError(
            f"What was restored isn't what was backed up: {said[0]}.", evidence="\n".join(said[:SHOWN_TABLES])
        )


def _ended(text: str) -> int:
    for line in text.splitlines():
        match json.loads(line):
            case ["ended", int(count)]:
                return count
    return 0


def _not_restored(
    place: Workplace, error: HandrailError, where: Mapping[str, str], *, name: str, new: str, old: str
) -> HandrailError:
    """Open the database again, drop what was restored beside it, and say how things stand."""
    database, target = database_of(place), place.target
    listed = postgres.statement(target, database, where, "select datname from pg_database")
    names = place.attempt(listed).output.splitlines()
    if name not in names or old in names:
        return InDoubt(
            f"The restore was cut short while the databases were renamed: {error.summary}",
            evidence=f"databases: {', '.join(names) or 'the server gives no answer'}",
            next_step=f"see that {name} takes connections, and has the backup's rows. What was there before"
            f" is {old}, if that is among them.",
        )
    opening = f'alter database "{name}" with allow_connections true'
    opened = place.attempt(postgres.statement(target, database, where, opening))
    dropped = place.attempt(postgres.statement(target, database, where, f'drop database if exists "{new}"'))
    left = f" The database {new} is left over: drop it." if dropped.code else ""
    if opened.code:
        return InDoubt(
            f"The backup was not restored: {error.summary}",
            evidence=error.evidence,
            next_step=f"see whether {name} takes connections; if it doesn't: {opening}.{left}",
        )
    mend = error.next_step if not isinstance(error, CommandFailed) else ""
    return HandrailError(
        f"The backup was not restored: {error.summary}",
        evidence=error.evidence,
        still_safe=f"the database {name} is as it was, and takes connections.",
        next_step=(mend or "read the message above, then retry; the fact restore_command is the way by hand.")
        + left,
    )
