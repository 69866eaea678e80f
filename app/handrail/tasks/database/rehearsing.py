"""Rehearsing on staging what a rollback would do to the database, and asking for that rehearsal.

"Must have migration rollback script prepared. Test rollback in staging first" (deployment-workflow.md,
"Database Rollback"). A rehearsal counts for the very file: by its SHA-256.
"""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.tasks import task

from handrail.errors import HandrailError, Refused
from handrail.policy.rehearsal import DestructiveMigration, Rehearsal, judge_rehearsal
from handrail.probes import libpq
from handrail.tasks import migrations, postgres
from handrail.tasks.commands import Command
from handrail.tasks.database.asking import (
    SCRIPTS,
    answer,
    database_of,
    look,
    migration_table,
    pending_files,
    refuse_while_migrating,
    sql_of,
)
from handrail.tasks.database.changing import bring_up, take_back
from handrail.tasks.migrations import MigrationFile
from handrail.tasks.row_counts import SHOWN_TABLES, lost_rows, read_counts
from handrail.tasks.schema_text import SHOWN_LINES, reordered, schema_differences
from handrail.tasks.workplace import Workplace, workplace

FORMAT = 1


@dataclass
class _Seconds:
    up: float = 0.0
    down: float = 0.0
    up_again: float = 0.0


@task
def rehearse(context: Context, to: str = "") -> None:
    """On staging: migrate up, down and up again, compare schema and rows, and keep the result by file.

    With `to`, what was applied after that migration is taken back first, and so rehearsed as well.
    """
    place = workplace(context)
    if place.target.production:
        raise Refused(
            f"{place.site.name} is a production target: a way down is rehearsed on staging.",
            still_safe="nothing was changed.",
            next_step="run this on a target that isn't marked as production.",
        )
    refuse_while_migrating(place)
    if to:
        take_back(place, to)
    files = pending_files(place)
    if not files:
        place.say(
            "No migration is pending here: nothing was rehearsed. To rehearse what is applied, name the"
        )
        place.say("migration before it with `to`.")
        place.fact("rehearsed", "")
        return
    digests = {file.name: migrations.digest(file) for file in files}
    seconds = _Seconds()
    try:
        _up_down_up(place, seconds)
        if changed := [file.name for file in files if migrations.digest(file) != digests[file.name]]:
            raise HandrailError(f"These files changed while they were rehearsed: {', '.join(changed)}.")
    except HandrailError as error:
        _note(place, files, digests, seconds, why=error.summary)
        raise
    _note(place, files, digests, seconds)
    place.fact("rehearsed", ", ".join(digests))
    place.fact("rehearsed_up_seconds", round(seconds.up, 3))
    place.fact("rehearsed_down_seconds", round(seconds.down, 3))


def _up_down_up(place: Workplace, seconds: _Seconds) -> None:
    start = look(place).last
    schema, rows = _schema(place), _rows(place)
    began = time.monotonic()
    bring_up(place)
    seconds.up = time.monotonic() - began
    schema_up = _schema(place)
    began = time.monotonic()
    take_back(place, start)
    seconds.down = time.monotonic() - began
    down = _schema(place)
    if said := schema_differences(schema, down):
        raise HandrailError(
            f"The way down doesn't bring the schema back: {len(said)} lines of it differ.",
            evidence="\n".join(said[:SHOWN_LINES]),
            next_step="correct the migration's down section in the repository, then rehearse it anew.",
        )
    if said := lost_rows(rows, _rows(place)):
        raise HandrailError(
            f"Up and down lost rows: {said[0]}.",
            evidence="\n".join(said[:SHOWN_TABLES]),
            next_step="see whether the migration deletes them, or staging's own traffic did; then rehearse"
            " anew.",
        )
    order = " (some columns stand in another order)" if reordered(schema, down) else ""
    place.say(f"Down again: the schema is as it was{order}, and no table has fewer rows.")
    began = time.monotonic()
    bring_up(place)
    seconds.up_again = time.monotonic() - began
    if said := schema_differences(schema_up, _schema(place)):
        raise HandrailError(
            "The second way up doesn't lead to the schema of the first.",
            evidence="\n".join(said[:SHOWN_LINES]),
        )


def _schema(place: Workplace) -> str:
    return place.read(postgres.schema(place.target, database_of(place)))


def _rows(place: Workplace) -> Mapping[str, int]:
    database = database_of(place)
    where = libpq.connection(database.url.reveal())
    script = postgres.script(place.target, database, SCRIPTS / "count_rows.sql", where)
    rows = dict(read_counts(answer(place, script)).rows)
    rows.pop(migration_table(place), None)
    return rows


def _note(
    place: Workplace,
    files: Sequence[MigrationFile],
    digests: Mapping[str, str],
    seconds: _Seconds,
    why: str = "",
) -> None:
    """Add a line for each file to the record of rehearsals."""
    commit = place.attempt(Command(("git", "rev-parse", "HEAD"), place.site.checkout)).output.strip()
    for file in files:
        entry = {
            "format": FORMAT,
            "name": file.name,
            "sha256": digests[file.name],
            "passed": not why,
            "why": why,
            "target": place.site.name,
            "production": place.target.production,
            "commit": commit,
            "run": os.environ.get("HANDRAIL_RUN", ""),
            "by": getpass.getuser(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "together": list(digests),
            "up_seconds": round(seconds.up, 3),
            "down_seconds": round(seconds.down, 3),
            "up_again_seconds": round(seconds.up_again, 3),
        }
        place.performer.append(database_of(place).rehearsals, json.dumps(entry))


@task
def down_rehearsed(context: Context) -> None:
    """Check that each pending migration that isn't additive has a way down, rehearsed for its very file."""
    place = workplace(context)
    files = pending_files(place)
    serious = migrations.destructive(files, sql_of(place, files))
    asked = [
        DestructiveMigration(file.name, migrations.digest(file), migrations.has_way_down(file))
        for file in serious
    ]
    record = database_of(place).rehearsals
    try:
        rehearsals: list[Rehearsal] | None = read_rehearsals(record)
    except (OSError, ValueError) as error:
        place.say(f"{record} can't be read: {error}")
        rehearsals = None
    judgement = judge_rehearsal(asked, rehearsals)
    if asked and rehearsals and judgement.verdict.value == "pass":
        known = {(each.name, each.digest): each.down_seconds for each in rehearsals}
        # The files of one rehearsal share its time: the longest is what the way down took.
        place.fact("down_rehearsed_seconds", max(known[each.name, each.digest] for each in asked))
    place.judge(
        judgement,
        next_step="rehearse it on staging with this release checked out (database.rehearse), then retry."
        " Without a way down, write one: a rollback could only restore the backup.",
    )


def read_rehearsals(record: Path) -> list[Rehearsal]:
    """The record's lines, oldest first; none where there is no record.

    Raises `OSError`, and `ValueError` with the line's number for a line that isn't whole: it may be the one
    that says that a rehearsal failed.
    """
    if not record.exists():
        return []
    found = []
    for number, line in enumerate(record.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry: dict[str, Any] = json.loads(line)
            if entry["format"] != FORMAT:
                raise ValueError(f"its format is {entry['format']!r}")
            passed = entry["passed"]
            found.append(
                Rehearsal(
                    name=str(entry["name"]),
                    digest=str(entry["sha256"]),
                    passed=passed if isinstance(passed, bool) else None,
                    target=str(entry["target"]),
                    production=entry["production"] is not False,
                    when=str(entry["when"]),
                    by=str(entry["by"]),
                    down_seconds=float(entry["down_seconds"]),
                    why=str(entry["why"]),
                )
            )
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(
                f"line {number} isn't a rehearsal ({error}); take it out, and rehearse anew"
            ) from error
    return found
