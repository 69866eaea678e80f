"""`handrail runs` and `handrail show`: what the journal knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from handrail.cli.completing import complete_runs
from handrail.cli.issues import KnownIssues
from handrail.cli.joining import pick_run, read_state
from handrail.cli.screens import log_paths
from handrail.cli.surroundings import Surroundings
from handrail.cli.window import run_window
from handrail.clock import Instant
from handrail.errors import ExitCode, HandrailError
from handrail.issues.telling import issue_lines
from handrail.journal.base import Journal, RunHead
from handrail.journal.session import RunFollower
from handrail.project.secret import secrets_of
from handrail.reports.summary import as_values, status_lines, utc
from handrail.reports.timeline import timeline
from handrail.run.events import Event, read_event
from handrail.run.state import RunState
from handrail.text import clean_line, duration, mask


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Only the open ones.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def runs(here: Surroundings, open_only: bool, limit: int, as_json: bool) -> int:
    """List the runs, newest first."""
    with here.journal_to_read() as journal:
        heads = journal.runs(limit=limit, open_only=open_only) if journal else []
        locked = {lock.run for lock in journal.locks()} if journal else set()
        found = [(head, *_read(journal, head)) for head in heads] if journal else []
    if as_json:
        rows = [_row_values(head, state, damage, head.run in locked) for head, state, damage in found]
        print(json.dumps(rows, indent=2))
    elif not found:
        print(f"No {'open ' if open_only else ''}runs in {here.state.root}.")
    for head, state, damage in [] if as_json else found:
        said = f"  JOURNAL DAMAGED: {damage}" if damage else ""
        lost = "" if head.closed or head.run in locked else "  its target was taken over: abort it"
        print(clean_line((_row(state) if state else f"{head.run}  {head.target}") + lost + said))
    return ExitCode.FINISHED


def _read(journal: Journal, head: RunHead) -> tuple[RunState | None, str]:
    """A run as far as it can be trusted, and what is wrong with it: one damaged run hides no other."""
    try:
        follower = RunFollower(journal, head.run)
    except (HandrailError, ValueError) as error:
        return None, error.summary if isinstance(error, HandrailError) else str(error)
    return follower.state, follower.damage


def _row_values(head: RunHead, state: RunState | None, damage: str, locked: bool) -> dict[str, object]:
    known: dict[str, object] = {"holds_lock": locked, "damage": damage}
    if state is None:
        return {"run": head.run, "target": head.target, "open": not head.closed, **known}
    current = state.current
    return known | {
        "run": state.run,
        "title": state.plan.title,
        "target": state.plan.target.name,
        "phase": state.phase.value,
        "open": state.phase.is_open,
        "operator": state.operator.name,
        "opened": utc(state.opened),
        "closed": utc(state.closed),
        "steps": len(state.forward_steps),
        "steps_done": sum(step.status.is_done for step in state.forward_steps),
        "current": current.key if current else None,
        "triggers_open": len(state.open_triggers),
    }


def _row(state: RunState) -> str:
    done = sum(step.status.is_done for step in state.forward_steps)
    local = datetime.fromtimestamp(state.opened.wall, UTC).astimezone()
    took = f" after {duration(state.closed.since(state.opened))}" if state.closed else ""
    alarm = "  ROLLBACK DUE" if state.open_triggers and state.phase.is_open else ""
    return (
        f"{state.run}  {local:%Y-%m-%d %H:%M}  {state.plan.target.name}  {state.phase.value}{took}, "
        f"{done} of {len(state.forward_steps)} steps, {state.operator.name}{alarm}"
    )


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def show(here: Surroundings, run: str | None, as_json: bool) -> int:
    """Show all that is known of RUN: steps, attempts, facts, triggers, notes and timeline."""
    with here.journal_to_read() as journal:
        chosen = pick_run(journal, run)
        if journal is None:
            return ExitCode.WRONG_USAGE
        state = read_state(journal, chosen)
        # As far as the chain holds: what comes after it is not told as if it had happened.
        lines = timeline(chosen, _events(journal, chosen, state.seq))
        damage = journal.verify(chosen)
    secrets = secrets_of(state.plan.target)
    if as_json:
        print(mask(json.dumps({**as_values(state, lines), "damage": damage}, indent=2), secrets))
        return ExitCode.FINISHED
    now = here.clock.now()
    out = [f"Run {state.run}", *status_lines(state, now), *run_window(state, now)]
    out += [f"  {name} = {value}" for name, value in state.plan.parameters.items()]
    if state.facts:
        out += ["", "Facts"] + [f"  {name} = {value}" for name, value in state.facts.items()]
    if state.attempts:
        out += ["", "Attempts"]
    for attempt in state.attempts.values():
        ended = attempt.result.value if attempt.result else "in doubt" if attempt.in_doubt else "running"
        out.append(f"  {attempt.number:>3} {attempt.purpose.value:<6} {attempt.call.task}  {ended}")
    known = KnownIssues(state.plan, log_paths(here.state))
    for step in state.steps.values():
        if issues := known(state, step):
            out += ["", f"At {step.planned.title}", *(f"  {line}" for line in issue_lines(issues))]
    out += ["", "Timeline"]
    for line in lines:
        at = datetime.fromtimestamp(line.at.wall, UTC).astimezone()
        out.append(f"  {at:%Y-%m-%d %H:%M:%S} {line.text}")
    out += [f"JOURNAL DAMAGED: {what}" for what in damage]
    for text in out:
        indent = text[: len(text) - len(text.lstrip(" "))]
        print(mask(indent + clean_line(text), secrets))
    return ExitCode.FINISHED


def _events(journal: Journal, run: str, upto: int) -> list[tuple[Event, Instant]]:
    return [(read_event(record.body), record.at) for record in journal.read(run, limit=upto)]
