"""A backup that is proved: dumped in one snapshot, restored into a scratch database, and compared.

deployment-workflow.md, Pre-Deployment 5. A dump that was only listed may still be of another database, or
lack what the role may not read; only restoring it shows that.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from handrail.clock import SystemClock
from handrail.errors import HandrailError, MachineFault
from handrail.policy.backup import BackupFacts, judge_backup
from handrail.probes import libpq
from handrail.tasks import postgres
from handrail.tasks.commands import Command
from handrail.tasks.database.asking import SCRIPTS, answer, ask, database_of, look
from handrail.tasks.row_counts import SHOWN_TABLES, RowCounts, differences, read_counts
from handrail.tasks.workplace import CommandFailed, Workplace, latest_facts, run_began, workplace

FULL_BYTES = 1_000_000
SPARE_BYTES = 1_000_000
"""What the dump's own lists may take beyond the database's size."""
SCRATCH = "_handrail_scratch_"
LONGEST_NAME = 63
"""PostgreSQL cuts longer names off, bytes."""
_DF = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/disk 1 1 999999999 1% /"


@task
def backup(context: Context, name: str = "") -> None:
    """Dump the database, restore the dump into a scratch database and compare; only then give it its name."""
    place = workplace(context)
    database = database_of(place)
    taken = datetime.now(UTC)
    stamp = name or taken.strftime("%Y%m%d-%H%M%S")
    final = database.backups / f"{place.site.name or 'database'}-{stamp}.dump"
    partial = final.with_name(f"{final.name}.partial")
    cwd = place.site.checkout
    place.run(Command(("mkdir", "-p", "-m", "700", str(database.backups)), cwd))
    try:
        _be_sure_of_room(place, database.backups)
        counts = _dump(place, partial)
        listed = place.read(postgres.contents(place.target, database, partial)).count("TABLE DATA")
        place.say(f"The dump lists the data of {listed} tables.")
        place.run(postgres.read_back(place.target, database, partial))
        _prove(place, partial, counts, stamp)
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
    checksum = place.performer.checksum(final)
    manifest = {"sha256": checksum, "taken": taken.isoformat(), "snapshot": counts.snapshot}
    place.performer.append(manifest_of(final), json.dumps({**manifest, "rows": dict(counts.rows)}))
    place.fact("backup", str(final))
    place.fact("backup_taken", taken.isoformat())
    place.fact("backup_bytes", place.performer.size(final))
    place.fact("backup_sha256", checksum)
    place.fact("backup_tables", len(counts.rows))
    place.fact("backup_rows", counts.total)
    place.fact("backup_proof", f"restored into a scratch database, and equal: {counts.told()}")
    place.fact("restore_command", postgres.restore_line(database, final))


def manifest_of(dump: Path) -> Path:
    """The file beside a dump that holds its checksum, its snapshot and its rows by table."""
    return dump.with_name(f"{dump.name}.json")


def read_manifest(place: Workplace, dump: Path) -> tuple[str, RowCounts] | None:
    """A dump's checksum and rows as its manifest's last line has them; None where it can't be read."""
    dry = json.dumps({"sha256": "", "snapshot": "1:1:", "rows": {}})
    last = Command(("tail", "-n", "1", str(manifest_of(dump))), place.site.checkout, dry_output=dry)
    try:
        found = json.loads(place.attempt(last).output)
        rows = {str(table): int(count) for table, count in found["rows"].items()}
        return str(found["sha256"]), RowCounts(rows, str(found["snapshot"]))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _be_sure_of_room(place: Workplace, folder: Path) -> None:
    """Raise `MachineFault` where the folder's disk hasn't room for the whole database uncompressed."""
    needed = int(ask(place, "select pg_database_size(current_database())", dry="0") or 0) + SPARE_BYTES
    fields = place.read(Command(("df", "-Pk", str(folder)), place.site.checkout, dry_output=_DF))
    free = int(fields.splitlines()[-1].split()[3]) * 1024
    place.say(f"Room for the dump: {free} bytes are free, at most {needed} are needed.")
    if free < needed:
        raise MachineFault(
            f"there may not be room for it: {free} bytes are free, and the database has {needed}.",
            next_step=f"make room on the disk of {folder}, or set database.backups to another one.",
        )


def _dump(place: Workplace, partial: Path) -> RowCounts:
    """Dump, and count in the dump's own snapshot."""
    command = postgres.dump(place.target, database_of(place), SCRIPTS / "snapshot_dump.sql", partial)
    outcome = place.attempt(command)
    if outcome.code:
        said = "\n".join(line for line in outcome.errors.splitlines() if "CONTEXT:" not in line)
        raise MachineFault(
            f"pg_dump can't dump it: {libpq.reason(said)}.",
            evidence=said,
            next_step=postgres.explain(said, command.environment),
        )
    if not place.performer.size(partial):
        raise HandrailError(f"pg_dump ended well, but {partial} is empty.")
    return read_counts(outcome.output)


def scratch_where(place: Workplace) -> Mapping[str, str]:
    """The connection that makes and drops scratch databases."""
    database = database_of(place)
    return libpq.connection((database.scratch_url or database.admin_url or database.url).reveal())


def _prove(place: Workplace, dump: Path, expected: RowCounts, stamp: str) -> None:
    """Restore the dump into a scratch database and compare. The scratch database is dropped in any case."""
    database, target = database_of(place), place.target
    where = scratch_where(place)
    prefix = f"{where.get('PGDATABASE', '')[: LONGEST_NAME - len(SCRATCH) - 20]}{SCRATCH}"
    scratch = "".join(c if c.isalnum() else "_" for c in f"{prefix}{stamp}")[:LONGEST_NAME]
    answer(place, postgres.script(target, database, SCRIPTS / "drop_scratch.sql", where, prefix=prefix))
    encoding = ask(place, "show server_encoding", dry="UTF8")
    make = (
        f"create database \"{scratch}\" template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
    )
    answer(place, postgres.statement(target, database, where, make))
    try:
        inside = {**where, "PGDATABASE": scratch}
        restored = place.attempt(postgres.restore(target, database, inside, dump, own=False))
        if restored.code:
            raise HandrailError(
                f"the dump can't be restored: {libpq.reason(restored.errors)}.",
                evidence="\n".join(restored.errors.splitlines()[-SHOWN_TABLES:]),
                next_step="read what pg_restore says. Where its role may not create something, such as an"
                " extension, name one that may in database.admin_url, or another server in"
                " database.scratch_url.",
            )
        dry = "\n".join(json.dumps(["rows", table, count]) for table, count in expected.rows.items())
        counted = postgres.script(target, database, SCRIPTS / "count_rows.sql", inside, dry)
        found = read_counts(answer(place, counted))
    finally:
        drop = postgres.statement(target, database, where, f'drop database if exists "{scratch}"')
        if place.attempt(drop).code:
            place.say(f"The scratch database {scratch} could not be dropped; the next backup drops it.")
    if said := differences(expected.rows, found.rows):
        raise HandrailError(
            f"the restored dump isn't this database: {said[0]}"
            + (f", and {len(said) - 1} more differences." if len(said) > 1 else "."),
            evidence="\n".join(said[:SHOWN_TABLES]),
            next_step="find out what database pg_dump reads (database.programs, the url), and whether its"
            " role may read all rows. Then retry.",
        )
    place.say(f"Restored into a scratch database, and equal: {found.told()}.")


def _is_full(folder: Path) -> bool:
    return folder.is_dir() and shutil.disk_usage(folder).free < FULL_BYTES


def _mend_of_backup(error: HandrailError, folder: Path, *, full: bool) -> str:
    if full:
        return f"make room on it (df -h {folder}), then retry."
    if error.next_step and not isinstance(error, CommandFailed):
        return error.next_step
    return (
        f"read the message above: can the database be reached, is the disk full (df -h {folder}), does this"
        " pg_dump belong to the server (database.programs)? Then retry."
    )


@task
def backed_up(context: Context, backup: str = "", sha256: str = "") -> None:
    """Check that this run's own backup stands unchanged, wherever migrations are pending."""
    place = workplace(context)
    facts = latest_facts(place.folder) if place.folder else {}
    of_run = str(facts.get("backup") or "")
    began = run_began(place.folder) if place.folder else None
    size = place.performer.size(Path(of_run)) if of_run else 0
    found = BackupFacts(
        pending=len(look(place).pending),
        run_started=datetime.fromtimestamp(began, UTC) if began is not None else None,
        named=backup,
        of_run=of_run,
        taken=_moment(facts.get("backup_taken")),
        proved=bool(facts.get("backup_proof")),
        size_bytes=size,
        sha256_then=sha256 or str(facts.get("backup_sha256") or ""),
        sha256_now=place.performer.checksum(Path(of_run)) if size else "",
    )
    place.judge(
        judge_backup(found, SystemClock().now().datetime()),
        next_step="make one in this run: database.backup.",
    )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def now_stamp() -> str:
    """A name's part that says when, to the second, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y%m%d_%H%M%S")
