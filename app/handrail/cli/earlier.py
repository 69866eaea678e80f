"""What the journal says of earlier runs of a runbook: what it was made from then, and what it took."""

from __future__ import annotations

import difflib
import statistics
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from handrail.errors import HandrailError
from handrail.journal.base import Journal, Record, RunHead
from handrail.reports.durations import MOST_RUNS
from handrail.run import events as e
from handrail.run.events import read_event
from handrail.run.plan import Plan
from handrail.runbook.model import StepKind
from handrail.tui.earlier import FileDifference, LastRun, UsualRun

MOST_LOOKED_AT = 300
MOST_LINES = 2_000
CLOSING_TYPES = ("RunFinished", "RunRolledBack", "RunAborted")


def last_run(journal: Journal, plan: Plan) -> LastRun | None:
    """The last run of this runbook, against this target where there is one, with what changed since.

    `None` where there is none, or none that can be read.
    """
    try:
        found = _newest(journal, plan)
        if found is None:
            return None
        head, opened, before = found
        tail = journal.read(head.run, after=max(head.last_seq - 12, 0))
    except HandrailError:
        return None
    how = next((record.type for record in reversed(tail) if record.type in CLOSING_TYPES), "")
    return LastRun(
        run=head.run,
        target=head.target,
        opened=opened.at,
        how=how,
        same_target=head.target == plan.target.name,
        changed=tuple(differences(before, plan)),
    )


def _newest(journal: Journal, plan: Plan) -> tuple[RunHead, Record, dict[str, Any]] | None:
    elsewhere: tuple[RunHead, Record, dict[str, Any]] | None = None
    # A run's id has its runbook's name in it: most others need not be opened to be passed over.
    heads = [head for head in journal.runs(limit=MOST_LOOKED_AT) if _may_be(head, plan.runbook)]
    for head in sorted(heads, key=lambda each: each.target != plan.target.name):
        opened = next(iter(journal.read(head.run, limit=1)), None)
        before = opened.body.get("plan") if opened is not None else None
        if opened is None or not isinstance(before, dict) or before.get("runbook") != plan.runbook:
            continue
        if head.target == plan.target.name:
            return head, opened, before
        elsewhere = elsewhere or (head, opened, before)
        break
    return elsewhere


def _may_be(head: RunHead, runbook: str) -> bool:
    name = "".join(c if c.isalnum() else "-" for c in runbook.lower()).strip("-")[:20].strip("-")
    return not name[:8] or name[:8] in head.run


def differences(before: dict[str, Any], plan: Plan) -> Iterator[FileDifference]:
    """Each file that is another one than the one from which an earlier plan was made."""
    digests, sources = _texts(before.get("digests")), _texts(before.get("sources"))
    for name in sorted(set(digests) | set(plan.digests)):
        if digests.get(name) == plan.digests.get(name):
            continue
        shown = _shown(name, plan)
        if name not in digests:
            yield FileDifference(shown, ("it is new, or is used for the first time",))
        elif name not in plan.digests:
            yield FileDifference(shown, ("it is gone, or isn't used any more",))
        elif name not in sources or name not in plan.sources:
            yield FileDifference(shown, ("its lines are not shown: they may hold secrets",))
        else:
            yield FileDifference(shown, _unified(sources[name], plan.sources[name]))


def _unified(before: str, now: str) -> tuple[str, ...]:
    lines = list(difflib.unified_diff(before.splitlines(), now.splitlines(), "then", "now", lineterm="", n=2))
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return (*lines[:MOST_LINES], *more)


def _texts(value: object) -> dict[str, str]:
    return {str(k): v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _shown(name: str, plan: Plan) -> str:
    path, root = Path(name), Path(plan.project_root)
    return str(path.relative_to(root)) if path.is_relative_to(root) else name


def usual_run(journal: Journal, plan: Plan) -> UsualRun | None:
    """What whole runs of this runbook against this target took, without their watch; `None` before any."""
    needed = {
        step.key
        for step in plan.steps
        if step.call is not None and step.kind not in (StepKind.WATCH, StepKind.ANNOUNCE)
    }
    try:
        records = journal.events_of_type(["DurationsMeasured"], limit=MOST_RUNS * 4)
        measured = [read_event(record.body) for record in records]
    except HandrailError:
        return None
    took = [
        sum(seconds for key, seconds in run.steps.items() if key in needed)
        for run in measured
        if isinstance(run, e.DurationsMeasured)
        and (run.target, run.runbook) == (plan.target.name, plan.runbook)
        and needed
        and needed <= set(run.steps)
    ][:MOST_RUNS]
    if not took:
        return None
    return UsualRun(
        median=timedelta(seconds=statistics.median(took)),
        shortest=timedelta(seconds=min(took)),
        longest=timedelta(seconds=max(took)),
        count=len(took),
    )
