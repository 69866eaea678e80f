"""Closing an open run whose target another run has taken over: no engine may drive it, nor close it."""

from __future__ import annotations

from contextlib import suppress

from handrail.attempts.outcome import NeverStarted, Running, read_outcome, seal
from handrail.cli.actors import current_actor
from handrail.cli.surroundings import Surroundings
from handrail.engine.launch import ensure_engine
from handrail.errors import HandrailError, Refused
from handrail.journal.base import Journal, JournalDamaged
from handrail.journal.session import RunFollower
from handrail.policy.gate import says_something
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import Event, read_event, write_event
from handrail.run.fold import open_run
from handrail.run.state import RunState


def has_lost_its_lock(journal: Journal, run: str) -> bool:
    """Whether a run is open and its target's lock is another's, or nobody's."""
    known = {head.run: head for head in journal.runs(limit=10_000, open_only=True)}
    return run in known and all(lock.run != run for lock in journal.locks())


def close_without_lock(
    here: Surroundings, journal: Journal, run: str, *, reason: str, take_over: str | None
) -> None:
    """Close such a run as it stands, for a reason; nothing else comes of it.

    Raises `Refused` for someone who doesn't drive it and gives no reason for `take_over`, without a reason,
    and while something of the run still works.
    """
    state = _known_state(journal, run)
    actor = current_actor(here.environment)
    events = [*_taken_over(state, actor, take_over), e.RunAborted(by=actor, reason=reason)]
    if not says_something(reason):
        raise Refused("Say why: it will stand in the journal.", still_safe="the run is unchanged.")
    _refuse_while_it_works(here, state)
    journal.close_without_lock(run, [write_event(event) for event in events], here.clock.now())
    with suppress(HandrailError):
        # It only reads what became of the attempts, and opens what an emergency owes.
        ensure_engine(here.state, run)


def _known_state(journal: Journal, run: str) -> RunState:
    """The run as far as its journal can be trusted: a damaged one must be closed, too."""
    try:
        return RunFollower(journal, run).state
    except JournalDamaged:
        opening, *_ = journal.read(run, limit=1)
        if not isinstance(event := read_event(opening.body), e.RunOpened):
            raise
        return open_run(run, event, opening.at)


def _taken_over(state: RunState, actor: Actor, take_over: str | None) -> list[Event]:
    operator = state.operator
    if take_over is not None and says_something(take_over):
        return [e.ControlChanged(operator=actor, reason=take_over, granted=False)]
    if not operator.is_same_person(actor):
        raise Refused(
            f"{operator.name} drives the run {state.run}.",
            still_safe="the run is unchanged.",
            next_step="give --take-over REASON to close it all the same.",
        )
    return []


def _refuse_while_it_works(here: Surroundings, state: RunState) -> None:
    for attempt in [attempt for attempt in state.attempts.values() if attempt.is_running]:
        files = here.state.attempt(state.run, attempt.number)
        outcome = read_outcome(files)
        if isinstance(outcome, NeverStarted) and not outcome.sealed:
            outcome = seal(files, here.clock)
        if isinstance(outcome, Running):
            raise Refused(
                f"Attempt {attempt.number} of the run {state.run} still works: {attempt.call.task}.",
                still_safe="the run is unchanged.",
                next_step=f"wait for its end, or end it: {files.folder} names its processes. Then try again.",
            )
