"""One act on a run from the command line: come to it, send the command, wait for the engine's answer."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from handrail.cli.following import POLL_SECONDS
from handrail.cli.joining import join, pick_run
from handrail.cli.surroundings import Surroundings
from handrail.errors import HandrailError, MachineFault, Refused, WrongUsage
from handrail.journal.base import Journal
from handrail.journal.session import RunSession
from handrail.run.commands import OperatorCommand

PATIENCE = timedelta(seconds=30)


def joined(
    here: Surroundings, journal: Journal | None, run: str | None, *, to_drive: bool, take_over: str | None
) -> RunSession:
    """A session on a run, settled, for one act on it. Raises `Refused` where it can't be driven from here."""
    chosen = pick_run(journal, run)
    if journal is None:
        raise WrongUsage("There is no journal here yet.")
    found = join(here, journal, chosen, to_drive=to_drive, take_over=take_over)
    session = found.session
    if to_drive and not session.state.phase.is_open:
        raise Refused(
            f"The run {chosen} is over: {session.state.phase.value}.", still_safe="it is unchanged."
        )
    if to_drive and not found.drives:
        raise Refused(
            found.said[-1].partition(" You are watching")[0],
            still_safe="the run goes on as it was.",
            next_step="give --take-over REASON to act all the same.",
        )
    for line in found.said:
        print(line, file=sys.stderr)
    _settle(session)
    return session


def do(session: RunSession, command: OperatorCommand) -> None:
    """Have one command answered. Raises `Refused` with the engine's reason."""
    if (why := session.why_not(command)) is not None:
        raise Refused(why, still_safe="the run is unchanged.")
    session.send(command)
    _settle(session)


def _settle(session: RunSession) -> None:
    """Wait until our commands are answered. Raises `Refused`, or `MachineFault` where no answer comes."""
    begun = session.clock.now()
    session.poll()
    while session.waits_for_answer:
        if session.clock.now().since(begun) > PATIENCE:
            raise _no_answer(session)
        session.keep_engine()
        time.sleep(POLL_SECONDS / 2)
        session.poll()
    if session.answers and not session.answers[-1].accepted:
        raise Refused(session.answers[-1].reason, still_safe="the run is unchanged.")


def _no_answer(session: RunSession) -> HandrailError:
    return MachineFault(
        f"The engine of run {session.run} has not answered for {PATIENCE.seconds} s.",
        still_safe="the command stands in the journal, and is answered once when the engine reads it.",
        next_step=f"`handrail attach {session.run}`, and read the engine's log.",
    )
