"""Post-mortems of earlier emergencies: the journal and the project's files say which are overdue."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from handrail.policy.postmortem import Owed, verdict_of_owed
from handrail.tasks.commands import Command
from handrail.tasks.project_folder import project_folder
from handrail.tasks.report import VARIABLE
from handrail.tasks.workplace import Site, workplace

REPORT_DEPTH = 4


def state_folder(report: str | None) -> Path | None:
    """The state directory that an attempt's report lies in: STATE/runs/RUN/attempts/NUMBER/report.jsonl."""
    parents = Path(report).parents if report else ()
    return parents[REPORT_DEPTH] if len(parents) > REPORT_DEPTH and parents[3].name == "runs" else None


def owed_command(site: Site, state: Path | None) -> Command:
    """handrail's own list of owed post-mortems: a task knows no journal, the command line does."""
    named = ("--state", str(state)) if state is not None else ()
    argv = (sys.executable, "-P", "-m", "handrail", *named)
    return Command(
        (*argv, "postmortem", "--owed", "--json", "--target", site.name),
        project_folder(),
        reads_only=True,
        dry_output="[]",
    )


@task
def none_overdue(context: Context) -> None:
    """Check that no post-mortem of an emergency on this target is overdue."""
    place = workplace(context)
    outcome = place.attempt(owed_command(place.site, state_folder(os.environ.get(VARIABLE))))
    owed: list[Owed] | None = None
    if not outcome.code:
        owed = read_owed(outcome.output)
    verdict, evidence = verdict_of_owed(owed, datetime.now(UTC))
    if verdict == "unknown":
        raise place.unknown(
            f"{evidence}{'' if owed is not None else ': ' + outcome.errors.strip()[:300]}",
            next_step="`handrail postmortem --owed` says what is wrong.",
        )
    place.conclude(
        verdict == "pass",
        evidence,
        next_step="write it (`handrail postmortem RUN` fills in what the journal knows), set `status: done`"
        " in it, then retry; or waive this check, with a reason.",
    )


def read_owed(text: str) -> list[Owed] | None:
    """The list that `handrail postmortem --owed --json` prints; `None` where it isn't one."""
    try:
        return [
            Owed(
                run=str(each["run"]),
                incident=str(each["incident"]),
                closed=datetime.fromisoformat(each["closed"]),
                file=str(each["file"]),
                done=each["done"] if each["done"] is None else bool(each["done"]),
                unwritten=tuple(map(str, each["unwritten"])),
            )
            for each in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError):
        return None
