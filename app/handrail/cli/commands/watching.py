"""`handrail signals`, `trouble`, `extend`, `keep`, `stretch`: a watch and its deadlines without a screen."""

from __future__ import annotations

import json

import click

from handrail.cli.acting import do, joined
from handrail.cli.completing import complete_runs
from handrail.cli.joining import pick_run, read_state
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, Refused
from handrail.project.secret import secrets_of
from handrail.reports.countdown import clock_time
from handrail.reports.signals import signal_table, signal_values, standing
from handrail.run import commands as c
from handrail.run.more_time import MOST_MINUTES
from handrail.run.on_deadline import to_keep
from handrail.run.state import RunState
from handrail.text import clean, mask

MINUTES = click.IntRange(1, MOST_MINUTES)
TAKE_OVER = click.option("--take-over", metavar="REASON", help="Act even though someone else drives the run.")
TRIGGER = click.option(
    "--trigger", type=click.IntRange(1), help="Its number; without it, that of the earliest deadline."
)
REASON = click.option("--reason", required=True, help="Why; it will stand in the journal.")


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_obj
def signals(here: Surroundings, run: str | None, as_json: bool) -> int:
    """Print the monitor's table of RUN: each signal now, its baseline, its threshold, and its verdict."""
    with here.journal_to_read() as journal:
        chosen = pick_run(journal, run)
        if journal is None:
            return ExitCode.WRONG_USAGE
        state = read_state(journal, chosen)
    secrets = secrets_of(state.plan.target)
    if as_json:
        print(mask(json.dumps({"run": state.run, **signal_values(state)}, indent=2), secrets))
        return ExitCode.FINISHED
    for text in signal_table(state):
        print(mask(clean(text), secrets))
    return ExitCode.FINISHED


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("text", nargs=-1, required=True)
@click.pass_obj
def trouble(here: Surroundings, run: str, text: tuple[str, ...]) -> int:
    """Pass on TEXT, what users report of RUN: it opens a deadline. A watcher may, too."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=False, take_over=None)
        do(session, c.ReportTrouble(text=" ".join(text)))
        state = session.state
    print("Reported. " + _deadline(state))
    return ExitCode.FINISHED


def _deadline(state: RunState) -> str:
    if not state.open_triggers:
        return "No deadline is open."
    return f"The rollback must be done by {clock_time(state.open_triggers[0].deadline)}."


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("minutes", type=MINUTES)
@REASON
@TRIGGER
@TAKE_OVER
@click.pass_obj
def extend(
    here: Surroundings, run: str, minutes: int, reason: str, trigger: int | None, take_over: str | None
) -> int:
    """Give a deadline of RUN so many MINUTES more."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=True, take_over=take_over)
        number = trigger or _earliest(session.state)
        do(session, c.ExtendDeadline(trigger=number, seconds=minutes * 60.0, reason=reason))
        deadline = session.state.triggers[number].deadline
    print(f"Extended. The rollback must be done by {clock_time(deadline)}.")
    return ExitCode.FINISHED


def _earliest(state: RunState) -> int:
    if not state.open_triggers:
        raise Refused("No rollback trigger is open.", still_safe="the run is unchanged.")
    return state.open_triggers[0].number


@click.command()
@click.argument("run", shell_complete=complete_runs)
@REASON
@TRIGGER
@TAKE_OVER
@click.pass_obj
def keep(here: Surroundings, run: str, reason: str, trigger: int | None, take_over: str | None) -> int:
    """Confirm that the release of RUN stays, so that nothing is rolled back by itself."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=True, take_over=take_over)
        _earliest(session.state)
        found = to_keep(session.state)
        do(session, c.KeepRelease(trigger=trigger or (found.number if found else 0), reason=reason))
        state = session.state
    print("The release stays: nothing is rolled back by itself for this trigger. " + _deadline(state))
    return ExitCode.FINISHED


@click.command()
@click.argument("run", shell_complete=complete_runs)
@click.argument("minutes", type=MINUTES)
@click.option("--reason", default="", help="Why; it will stand in the journal.")
@TAKE_OVER
@click.pass_obj
def stretch(here: Surroundings, run: str, minutes: int, reason: str, take_over: str | None) -> int:
    """Watch the release of RUN for so many MINUTES longer."""
    with here.existing_journal() as journal:
        session = joined(here, journal, run, to_drive=True, take_over=take_over)
        step = session.state.watch.step or ""
        do(session, c.StretchWatch(step=step, seconds=minutes * 60.0, reason=reason))
        state = session.state
    print(f"Stretched. {standing(state)}.")
    return ExitCode.FINISHED
