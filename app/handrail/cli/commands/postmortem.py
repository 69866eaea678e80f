"""`handrail postmortem`: what an emergency still owes, filled in from the journal."""

from __future__ import annotations

import json
from datetime import datetime

import click

from handrail.cli import postmortems
from handrail.cli.completing import complete_runs
from handrail.cli.joining import pick_run, read_state
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, Refused, WrongUsage
from handrail.journal.base import Journal
from handrail.policy.postmortem import Owed, said
from handrail.project.secret import secrets_of
from handrail.run.state import RunState
from handrail.text import clean_line


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--owed", "only_list", is_flag=True, help="Write nothing; list them and when they are due.")
@click.option("--target", "-t", help="With --owed: of this target alone.")
@click.option("--json", "as_json", is_flag=True, help="With --owed: JSON on standard output.")
@click.pass_obj
def postmortem(
    here: Surroundings, run: str | None, only_list: bool, target: str | None, as_json: bool
) -> int:
    """Write the post-mortem of the emergency RUN (without one: of the newest that is owed), or refresh it.

    Only the part that comes from the journal is written anew; what people wrote is never overwritten.
    """
    if not only_list and (as_json or target is not None):
        raise WrongUsage("--json and --target belong to --owed.", next_step="add --owed, or leave them out.")
    with here.journal_to_read() as journal:
        if only_list:
            found = (
                [postmortems.owed(state) for state in postmortems.emergencies(journal, target)]
                if journal
                else []
            )
            return _list(found, here.clock.now().datetime(), as_json=as_json)
        if journal is None:
            raise WrongUsage(
                "There is no journal here yet.", next_step="name the state directory with --state."
            )
        state = _chosen(journal, run)
        path, new = postmortems.write(journal, state, secrets_of(state.plan.target))
    print(f"{'Opened' if new else 'Refreshed'} {path}")
    print(clean_line(said(postmortems.owed(state), here.clock.now().datetime())))
    return ExitCode.FINISHED


def _chosen(journal: Journal, run: str | None) -> RunState:
    if run is not None:
        state = read_state(journal, pick_run(journal, run))
        if state.plan.emergency is None:
            raise Refused(
                f"The run {state.run} was no emergency.",
                still_safe="nothing was written.",
                next_step="`handrail show` tells what happened in it.",
            )
        if state.phase.is_open:
            raise Refused(
                f"The run {state.run} is still open.",
                still_safe="nothing was written.",
                next_step="write about it once it is over.",
            )
        return state
    found = postmortems.emergencies(journal)
    if not found:
        raise WrongUsage("No emergency owes a post-mortem.", still_safe="nothing was written.")
    return next((state for state in found if not postmortems.owed(state).is_settled()), found[0])


def _list(found: list[Owed], now: datetime, *, as_json: bool) -> int:
    if as_json:
        values = [
            {
                "run": each.run,
                "incident": each.incident,
                "closed": each.closed.isoformat(),
                "due": each.due.isoformat(),
                "overdue": each.is_overdue(now),
                "file": each.file,
                "done": each.done,
                "unwritten": list(each.unwritten),
            }
            for each in found
        ]
        print(json.dumps(values, indent=2))
    elif not found:
        print("No emergency owes a post-mortem.")
    for each in [] if as_json else found:
        print(clean_line(said(each, now)))
    return ExitCode.FINISHED
