"""`handrail attach` and `handrail watch`: coming to a run that exists."""

from __future__ import annotations

import sys
import time

import click

from handrail.cli.completing import complete_runs
from handrail.cli.joining import attach_command, join, pick_run
from handrail.cli.screens import onlooking_screen, plain_here, plain_screen, run_tui
from handrail.cli.surroundings import Surroundings
from handrail.errors import ExitCode, WrongUsage
from handrail.journal.session import RunSession
from handrail.reports.summary import status_lines

HANDOVER_SECONDS = 2.0
POLL_SECONDS = 0.05


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--take-over", metavar="REASON", help="Drive the run even though someone else does.")
@click.option("--plain", is_flag=True, help="By lines on standard input and output.")
@click.pass_obj
def attach(here: Surroundings, run: str | None, take_over: str | None, plain: bool) -> int:
    """Go on with RUN, or with the only open one.

    You drive it at once if your own earlier screen has ended; else you watch, until you take over.
    """
    if take_over is not None and not take_over.strip():
        raise WrongUsage("--take-over needs a reason: it will stand in the journal.")
    return _come(here, run, plain=plain, to_drive=True, take_over=take_over)


@click.command()
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("--plain", is_flag=True, help="By lines on standard output.")
@click.pass_obj
def watch(here: Surroundings, run: str | None, plain: bool) -> int:
    """Look on at RUN, or at the only open one, without acting."""
    return _come(here, run, plain=plain, to_drive=False, take_over=None)


def _come(here: Surroundings, run: str | None, *, plain: bool, to_drive: bool, take_over: str | None) -> int:
    with here.existing_journal() as journal:
        chosen = pick_run(journal, run)
        if journal is None:
            return ExitCode.WRONG_USAGE
        joined = join(here, journal, chosen, to_drive=to_drive, take_over=take_over)
        for line in joined.said:
            print(line, file=sys.stderr)
        if not plain and plain_here(here.environment) is None:
            _await_handover(joined.session)
            target = joined.session.state.plan.target
            return run_tui(here, target=target, session=joined.session, may_act=to_drive)
        back = attach_command(here, chosen)
        make = plain_screen if to_drive else onlooking_screen
        screen = make(joined.session, here.state, back)
        for line in status_lines(joined.session.state, here.clock.now()):
            print(line)
        return screen.drive()


def _await_handover(session: RunSession) -> None:
    """Give the engine a moment to hand over, so that the first frame doesn't say that someone else drives.

    Lines need no such wait: they tell the handover as it comes.
    """
    until = time.monotonic() + HANDOVER_SECONDS
    while session.waits_for_answer and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
        session.poll()
