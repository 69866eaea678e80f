"""A run's events as plain sentences, for lines on a terminal, `handrail show` and a post-mortem."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.watch_sentences import WATCH_SENTENCES
from handrail.run import events as e
from handrail.run.emergency import emergency_words
from handrail.run.events import Event, Purpose, Result
from handrail.run.fold import apply, open_run, why_it_ended
from handrail.run.notices import Delivery, notices
from handrail.run.plan import PlannedCall
from handrail.run.state import RunState
from handrail.text import clean_line, duration
from handrail.values import TriggerClass


class Line(Struct, frozen=True):
    """One sentence of a timeline; `seq` is the number of its event in the run."""

    seq: int
    at: Instant
    text: str


def sentence(event: Event, state: RunState) -> str | None:
    """The event in words; `None` where it says nothing to a person.

    `state` is the run's state after the event, or any later one.
    """
    telling = _SENTENCES.get(type(event))
    said = telling(event, state) if telling else None
    return clean_line(said) if said else None


def timeline(run: str, entries: Iterable[tuple[Event, Instant]]) -> list[Line]:
    """All that happened in a run, oldest first, each with its time."""
    lines: list[Line] = []
    state: RunState | None = None
    for seq, (event, at) in enumerate(entries, 1):
        if state is not None:
            state = apply(state, event, at)
        elif isinstance(event, e.RunOpened):
            state = open_run(run, event, at)
        if state is not None and (text := sentence(event, state)) is not None:
            lines.append(Line(seq, at, text))
    return lines


def title_of(state: RunState, key: str | None) -> str:
    """A step's title; its key where the run doesn't have it."""
    if key is None:
        return "the team's channel"
    return state.steps[key].planned.title if key in state.steps else key


def call_text(call: PlannedCall) -> str:
    """A call as people write it: `git.checkout ref=v1.3.0`; long and many-lined values are cut."""
    parts = [call.task]
    for name, value in call.arguments.items():
        text = clean_line(str(value))
        parts.append(f"{name}={text if len(text) <= 60 else text[:59] + '…'}")
    return " ".join(parts)


def _run_opened(event: e.RunOpened, state: RunState) -> str:
    plan = event.plan
    emergency = f". {emergency_words(plan.emergency)}" if plan.emergency else ""
    return (
        f"{event.operator.name} opened the run: {plan.title} on {plan.target.name}, {len(plan.steps)} steps"
        f"{emergency}"
    )


def _engine_started(event: e.EngineStarted, state: RunState) -> str:
    if event.epoch <= 1:
        return "The engine started"
    found = f"; attempts under way: {', '.join(map(str, event.adopted))}" if event.adopted else ""
    return f"Another engine goes on with the run{found}"


def _rejected(event: e.CommandRejected, state: RunState) -> str:
    who = event.issuer.name if event.issuer else "someone"
    return f"Refused to {who} ({event.command}): {event.reason}"


def _attempt_started(event: e.AttemptStarted, state: RunState) -> str:
    title, call = title_of(state, event.step), call_text(event.call)
    match event.purpose:
        case Purpose.GATE:
            return f"Checking before {title}: {call} (attempt {event.attempt})"
        case Purpose.PROBE:
            return f"Looking what became of {title}: {call} (attempt {event.attempt})"
        case Purpose.NOTICE:
            return f"Telling the team's channel (attempt {event.attempt})"
    return f"Started {title}: {call} (attempt {event.attempt})"


def _attempt_ended(event: e.AttemptEnded, state: RunState) -> str | None:
    attempt = state.attempts.get(event.attempt)
    if attempt is None:
        return f"Attempt {event.attempt} ended: {event.result.value}"
    took = ""
    if event.started and event.ended:
        took = f", in {duration(event.ended.since(event.started))}"
    passed = event.result is Result.PASSED
    how = "" if passed else f": {event.evidence or why_it_ended(event)}"
    match attempt.purpose:
        case Purpose.NOTICE:
            return _told(event, state, how)
        case Purpose.GATE:
            said = f": {event.evidence}" if event.evidence else ""
            return f"The check {attempt.call.task} says {event.verdict or event.result.value}{said}"
        case Purpose.PROBE:
            return f"The probe says {event.verdict or 'nothing'}: {event.evidence or why_it_ended(event)}"
    if passed:
        said = f" ({event.evidence})" if event.evidence else ""
        text = f"Passed: {title_of(state, attempt.step)}{said}{took}"
    else:
        text = f"{event.result.value.capitalize()}: {title_of(state, attempt.step)}{how}{took}"
    if event.left_behind:
        text += f"; still running: {', '.join(event.left_behind)}"
    return text


def _told(event: e.AttemptEnded, state: RunState, how: str) -> str | None:
    """What became of a notice, and what that asks of a person."""
    attempt = state.attempts[event.attempt]
    if event.result is Result.PASSED:
        return "The team's channel has been told now" if attempt.again else None
    notice = next(n for n in notices(state) if n.first == (attempt.again or attempt.number))
    if notice.delivery is Delivery.PERHAPS:
        return f"The team's channel was perhaps told{how} Look into the channel before you post it by hand"
    if notice.delivery is Delivery.UNDELIVERED:
        return f"The team's channel could not be told{how} Post it by hand: {notice.text}"
    return f"The team's channel could not be told yet{how} It is tried again"


def _in_doubt(event: e.AttemptInDoubt, state: RunState) -> str:
    attempt = state.attempts.get(event.attempt)
    title = title_of(state, attempt.step) if attempt else f"attempt {event.attempt}"
    return f"In doubt: {title}: {event.evidence}"


def _cancel(event: e.CancelRequested, state: RunState) -> str:
    return f"{event.by.name} cancels attempt {event.attempt}"


def _queued(event: e.AnnouncementQueued, state: RunState) -> str:
    return f"{title_of(state, event.step)}: on its way to the channel; the run goes on meanwhile"


def _files_changed(event: e.FilesChanged, state: RunState) -> str:
    if not event.files:
        return "The plan's files are again what the plan was made from"
    names = ", ".join(change.path for change in event.files)
    return f"Changed since the plan was made, so that nothing goes forward: {names}"


def _foreign(event: e.ForeignEvents, state: RunState) -> str:
    return (
        f"NOT WRITTEN BY THE ENGINE: the events {event.first} to {event.last}, by hand or by another program;"
        " nothing goes forward any more"
    )


def _held(event: e.StepHeld, state: RunState) -> str:
    return f"Held: {title_of(state, event.step)}: {event.reason}"


def _waived(event: e.CheckWaived, state: RunState) -> str:
    return f"{event.by.name} waived the check {event.check} of {title_of(state, event.step)}: {event.reason}"


def _attested(event: e.StepAttested, state: RunState) -> str:
    note = f" ({event.note})" if event.note else ""
    says = "holds" if event.holds else "does NOT hold"
    return f"{event.by.name} says: {title_of(state, event.step)} {says}{note}"


def _skipped(event: e.StepSkipped, state: RunState) -> str:
    return f"{event.by.name} skipped {title_of(state, event.step)}: {event.reason}"


def _marked_done(event: e.StepMarkedDone, state: RunState) -> str:
    return f"{event.by.name} marked {title_of(state, event.step)} as done: {event.reason}"


def _not_done(event: e.StepFoundNotDone, state: RunState) -> str:
    return f"{event.by.name} found {title_of(state, event.step)} not done: {event.reason}"


WITHIN = {
    TriggerClass.IMMEDIATE: "an immediate rollback",
    TriggerClass.FAST: "a fast rollback",
    TriggerClass.CONSIDERED: "a considered rollback",
}


def _raised(event: e.TriggerRaised, state: RunState) -> str:
    left = duration(event.deadline.since(event.evidence_from))
    until = event.deadline.datetime().strftime("%H:%M:%S UTC")
    return (
        f"ROLLBACK TRIGGER {event.trigger}: {event.because}; {WITHIN[event.trigger_class]} is due "
        f"by {until} ({left} from when the evidence began)"
    )


def _closed(event: e.TriggerClosed, state: RunState) -> str:
    return f"{event.by.name} closed trigger {event.trigger} without a rollback: {event.reason}"


def _passed(event: e.DeadlinePassed, state: RunState) -> str:
    return f"ROLLBACK DEADLINE MISSED: trigger {event.trigger}"


def _rollback(event: e.RollbackStarted, state: RunState) -> str:
    why = f": {event.reason}" if event.reason else ""
    titles = ", ".join(step.title for step in event.steps) or "nothing needs to be undone"
    stays = "; ".join(f"{title} ({reason})" for title, reason in event.not_undone)
    return f"{event.by.name} rolls back{why}. Undoing: {titles}" + (f". Stays: {stays}" if stays else "")


def _other_way(event: e.OtherWayTaken, state: RunState) -> str:
    why = f": {event.reason}" if event.reason else ""
    titles = ", ".join(step.title for step in event.steps)
    failed = title_of(state, event.step)
    return f"{event.by.name} takes another way{why}. {event.title}, instead of {failed}: {titles}"


def _note(event: e.NoteAdded, state: RunState) -> str:
    return f"{event.by.name} notes: {event.text}"


def _requested(event: e.ControlRequested, state: RunState) -> str:
    return f"{event.by.name} asks to take over"


def _control(event: e.ControlChanged, state: RunState) -> str:
    return f"{event.operator.name} drives the run now: {event.reason}"


def _clock(event: e.ClockJumped, state: RunState) -> str:
    if event.rebooted:
        return "The machine was rebooted; countdowns go by the wall clock across it"
    moved = duration(timedelta(seconds=abs(event.seconds)))
    way = "forward" if event.seconds > 0 else "back"
    return f"The wall clock was set {way} by {moved}; countdowns go by the boot clock and are unchanged"


def _finished(event: e.RunFinished, state: RunState) -> str:
    return "The run is finished"


def _rolled_back(event: e.RunRolledBack, state: RunState) -> str:
    took = duration(timedelta(seconds=event.seconds))
    met = {None: "", True: ", before the deadline", False: ", AFTER the deadline"}[event.deadlines_met]
    return f"The run is rolled back, in {took}{met}"


def _aborted(event: e.RunAborted, state: RunState) -> str:
    return f"{event.by.name} aborted the run; nothing was taken back: {event.reason}"


_SENTENCES: dict[type, Callable[[Any, RunState], str | None]] = {
    e.RunOpened: _run_opened,
    e.EngineStarted: _engine_started,
    e.CommandRejected: _rejected,
    e.AttemptStarted: _attempt_started,
    e.AttemptEnded: _attempt_ended,
    e.AttemptInDoubt: _in_doubt,
    e.CancelRequested: _cancel,
    e.AnnouncementQueued: _queued,
    e.FilesChanged: _files_changed,
    e.ForeignEvents: _foreign,
    e.StepHeld: _held,
    e.CheckWaived: _waived,
    e.StepAttested: _attested,
    e.StepSkipped: _skipped,
    e.StepMarkedDone: _marked_done,
    e.StepFoundNotDone: _not_done,
    e.TriggerRaised: _raised,
    e.TriggerClosed: _closed,
    e.DeadlinePassed: _passed,
    e.RollbackStarted: _rollback,
    e.OtherWayTaken: _other_way,
    e.NoteAdded: _note,
    e.ControlRequested: _requested,
    e.ControlChanged: _control,
    e.ClockJumped: _clock,
    e.RunFinished: _finished,
    e.RunRolledBack: _rolled_back,
    e.RunAborted: _aborted,
    **WATCH_SENTENCES,
}
