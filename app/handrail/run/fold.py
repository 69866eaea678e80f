"""The fold of a run's events into its state: the only way in which a state comes about."""

from __future__ import annotations

from collections.abc import Iterable
from signal import SIGKILL
from typing import Any

from msgspec.structs import replace

from handrail.clock import Instant
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.emergency import waived_by
from handrail.run.events import Event, Purpose, Result
from handrail.run.state import (
    AttemptState,
    Phase,
    RunState,
    StepState,
    StepStatus,
    TriggerState,
)
from handrail.run.state_changes import noted, with_trigger
from handrail.run.watch_fold import WATCH_HANDLERS
from handrail.text import duration


def open_run(run: str, event: e.RunOpened, at: Instant) -> RunState:
    """The state right after a run was opened."""
    return RunState(
        run=run,
        plan=event.plan,
        operator=event.operator,
        opened=at,
        seq=1,
        steps={step.key: StepState(step, waived=waived_by(event.plan, step)) for step in event.plan.steps},
        last_event=at,
    )


def fold(run: str, entries: Iterable[tuple[Event, Instant]]) -> RunState:
    """The state after all of a run's events. Raises `ValueError` where they don't begin with the opening."""
    iterator = iter(entries)
    first, at = next(iterator, (None, None))
    if not isinstance(first, e.RunOpened) or at is None:
        raise ValueError(f"the journal of run {run} does not begin with its opening")
    state = open_run(run, first, at)
    for event, moment in iterator:
        state = apply(state, event, moment)
    return state


def apply(state: RunState, event: Event, at: Instant) -> RunState:
    """The state after one more event."""
    state = replace(state, seq=state.seq + 1, last_event=at)
    handler = _HANDLERS.get(type(event))
    try:
        return handler(state, event, at) if handler else state
    except KeyError:
        # It names a step or an attempt that the run hasn't: no engine writes such, and it says nothing.
        return state


def _with_step(state: RunState, key: str | None, **changes: Any) -> RunState:
    if key is None or key not in state.steps:
        return state
    return replace(state, steps={**state.steps, key: replace(state.steps[key], **changes)})


def _with_attempt(state: RunState, number: int, **changes: Any) -> RunState:
    return replace(state, attempts={**state.attempts, number: replace(state.attempts[number], **changes)})


def _engine_started(state: RunState, event: e.EngineStarted, at: Instant) -> RunState:
    return replace(state, epoch=event.epoch)


def _attempt_started(state: RunState, event: e.AttemptStarted, at: Instant) -> RunState:
    attempt = AttemptState(
        number=event.attempt,
        purpose=event.purpose,
        step=event.step,
        call=event.call,
        announced=at,
        timeout_seconds=event.timeout_seconds,
        check=event.check,
        again=event.again,
    )
    state = replace(state, attempts={**state.attempts, attempt.number: attempt})
    if event.step is None or event.step not in state.steps:
        return state
    step = state.steps[event.step]
    numbers = (*step.attempts, event.attempt)
    if event.purpose is Purpose.GATE:
        # What was so at an earlier try says nothing now: each try passes its gate anew.
        passed = step.checks_passed if step.status is StepStatus.CHECKING else frozenset()
        return _with_step(
            state, step.key, status=StepStatus.CHECKING, attempts=numbers, why="", checks_passed=passed
        )
    if event.purpose is Purpose.STEP:
        return _with_step(
            state,
            step.key,
            status=StepStatus.RUNNING,
            attempts=numbers,
            why="",
            doubt="",
            probe_evidence="",
            may_have_acted=True,
            started=step.started or at,
            ended=None,
        )
    return _with_step(state, step.key, attempts=numbers)


def _attempt_ended(state: RunState, event: e.AttemptEnded, at: Instant) -> RunState:
    attempt = state.attempts[event.attempt]
    state = _with_attempt(
        state,
        event.attempt,
        result=event.result,
        in_doubt=False,
        started=event.started,
        ended=event.ended or at,
        exit_code=event.exit_code,
        signal=event.signal,
        verdict=event.verdict,
        evidence=event.evidence,
        left_behind=event.left_behind,
        log_bytes=event.log_bytes,
    )
    state = replace(state, facts={**state.facts, **event.facts})
    if attempt.step is None or attempt.step not in state.steps:
        return state
    step = state.steps[attempt.step]
    if attempt.purpose is Purpose.PROBE:
        seen = event.evidence or f"the probe said nothing (exit {event.exit_code})"
        verdict = f"{event.verdict}: " if event.verdict else ""
        return _with_step(state, step.key, probe_evidence=f"{verdict}{seen}")
    if attempt.purpose is Purpose.GATE:
        if event.result is Result.PASSED:
            check = attempt.check or attempt.call.task
            return _with_step(state, step.key, checks_passed=step.checks_passed | {check})
        return _with_step(state, step.key, status=StepStatus.PENDING)
    if attempt.purpose is not Purpose.STEP:
        return state
    if event.result is Result.NEVER_STARTED:
        acted = any(
            state.attempts[n].purpose is Purpose.STEP and state.attempts[n].result is not Result.NEVER_STARTED
            for n in step.attempts
        )
        return _with_step(
            state,
            step.key,
            status=StepStatus.PENDING,
            why=event.evidence,
            may_have_acted=acted,
            started=step.started if acted else None,
        )
    passed = event.result is Result.PASSED
    return _with_step(
        state,
        step.key,
        status=StepStatus.PASSED if passed else StepStatus.FAILED,
        why="" if passed else event.evidence or why_it_ended(event),
        ended=event.ended or at,
    )


def why_it_ended(event: e.AttemptEnded) -> str:
    """An attempt's end in a few words."""
    if event.result is Result.TIMED_OUT:
        took = f" after {duration(event.ended.since(event.started))}" if event.ended and event.started else ""
        return f"it did not end in the time that the runbook gives it, and was stopped{took}"
    if event.result is Result.CANCELLED:
        return event.result.value
    if event.signal == SIGKILL:
        return "killed by signal 9, not by handrail: by a person, or by the kernel for want of memory (dmesg)"
    if event.signal is not None:
        return f"ended by signal {event.signal}"
    return f"exit code {event.exit_code}"


def _attempt_in_doubt(state: RunState, event: e.AttemptInDoubt, at: Instant) -> RunState:
    attempt = state.attempts[event.attempt]
    state = _with_attempt(state, event.attempt, in_doubt=True, evidence=event.evidence)
    if attempt.purpose is Purpose.STEP:
        return _with_step(
            state, attempt.step, status=StepStatus.IN_DOUBT, doubt=event.evidence, why=event.evidence
        )
    if attempt.purpose is Purpose.GATE:
        return _with_step(state, attempt.step, status=StepStatus.PENDING, why=event.evidence)
    return state


def _cancel_requested(state: RunState, event: e.CancelRequested, at: Instant) -> RunState:
    return _with_attempt(state, event.attempt, cancelling=True)


def _step_held(state: RunState, event: e.StepHeld, at: Instant) -> RunState:
    return _with_step(state, event.step, status=StepStatus.HELD, why=event.reason, checks_passed=frozenset())


def _announcement_queued(state: RunState, event: e.AnnouncementQueued, at: Instant) -> RunState:
    return _with_step(state, event.step, status=StepStatus.PASSED, why="", started=at, ended=at)


def _check_waived(state: RunState, event: e.CheckWaived, at: Instant) -> RunState:
    step = state.steps[event.step]
    said = f"{event.by.name}: {event.reason}"
    # Only a hold is lifted by a waiver: a failure or a doubt stays what it is.
    status = StepStatus.PENDING if step.status is StepStatus.HELD else step.status
    state = _with_step(state, event.step, status=status, waived={**step.waived, event.check: said})
    return noted(state, at, event.by.name, f"waived {event.check}: {event.reason}")


def _step_attested(state: RunState, event: e.StepAttested, at: Instant) -> RunState:
    return _with_step(
        state,
        event.step,
        status=StepStatus.PASSED if event.holds else StepStatus.FAILED,
        why="" if event.holds else f"{event.by.name} says it does not hold: {event.note}",
        by=event.by.name,
        started=at,
        ended=at,
    )


def _step_skipped(state: RunState, event: e.StepSkipped, at: Instant) -> RunState:
    return _decided(state, event.step, StepStatus.SKIPPED, at, event.by, event.reason)


def _step_marked_done(state: RunState, event: e.StepMarkedDone, at: Instant) -> RunState:
    state = _decided(state, event.step, StepStatus.MARKED_DONE, at, event.by, event.reason)
    return _with_step(state, event.step, may_have_acted=True)


def _step_found_not_done(state: RunState, event: e.StepFoundNotDone, at: Instant) -> RunState:
    return _decided(state, event.step, StepStatus.FAILED, at, event.by, event.reason)


def _decided(state: RunState, key: str, status: StepStatus, at: Instant, by: Actor, reason: str) -> RunState:
    step = state.steps[key]
    if step.attempts and step.status is StepStatus.IN_DOUBT:
        last = state.last_attempt(key)
        if last is not None and last.in_doubt:
            state = _with_attempt(state, last.number, result=Result.FAILED, in_doubt=False, ended=at)
    return _with_step(state, key, status=status, why=reason, by=by.name, ended=at, started=step.started or at)


def _trigger_raised(state: RunState, event: e.TriggerRaised, at: Instant) -> RunState:
    trigger = TriggerState(
        number=event.trigger,
        trigger_class=event.trigger_class,
        because=event.because,
        step=event.step,
        evidence_from=event.evidence_from,
        deadline=event.deadline,
        raised=at,
        signal=event.signal,
    )
    return replace(state, triggers={**state.triggers, trigger.number: trigger})


def _trigger_closed(state: RunState, event: e.TriggerClosed, at: Instant) -> RunState:
    state = with_trigger(state, event.trigger, closed=f"{event.by.name}: {event.reason}", closed_at=at)
    return noted(state, at, event.by.name, f"closed trigger {event.trigger}: {event.reason}")


def _deadline_passed(state: RunState, event: e.DeadlinePassed, at: Instant) -> RunState:
    return with_trigger(state, event.trigger, passed=True)


def _rollback_started(state: RunState, event: e.RollbackStarted, at: Instant) -> RunState:
    undo = {step.key: StepState(step, undoes=True) for step in event.steps}
    return replace(
        state,
        phase=Phase.ROLLING_BACK,
        steps={**state.steps, **undo},
        rollback_started=at,
        not_undone=event.not_undone,
    )


def _other_way_taken(state: RunState, event: e.OtherWayTaken, at: Instant) -> RunState:
    """The failed step stays, marked as replaced; the other way's steps come right after it."""
    failed = state.steps[event.step].why
    why = f"{event.title} was taken instead" + (f" ({event.reason})" if event.reason else "")
    state = _with_step(
        state,
        event.step,
        status=StepStatus.REPLACED,
        why=f"{why}. Before: {failed}" if failed else why,
        by=event.by.name,
    )
    steps: dict[str, StepState] = {}
    for key, step in state.steps.items():
        steps[key] = step
        if key == event.step:
            steps |= {s.key: StepState(s, undoes=True, instead_of=event.step) for s in event.steps}
    return replace(state, steps=steps)


def _note_added(state: RunState, event: e.NoteAdded, at: Instant) -> RunState:
    return noted(state, at, event.by.name, event.text)


def _control_requested(state: RunState, event: e.ControlRequested, at: Instant) -> RunState:
    return replace(state, control_requested_by=event.by)


def _control_changed(state: RunState, event: e.ControlChanged, at: Instant) -> RunState:
    state = noted(state, at, event.operator.name, f"drives the run now: {event.reason}")
    return replace(state, operator=event.operator, control_requested_by=None)


def _clock_jumped(state: RunState, event: e.ClockJumped, at: Instant) -> RunState:
    return replace(state, clock_jump=state.clock_jump + event.seconds)


def _files_changed(state: RunState, event: e.FilesChanged, at: Instant) -> RunState:
    return replace(state, changed_files=event.files)


def _foreign_events(state: RunState, event: e.ForeignEvents, at: Instant) -> RunState:
    return replace(state, foreign_events=(event.first, event.last))


def _run_finished(state: RunState, event: e.RunFinished, at: Instant) -> RunState:
    return replace(state, phase=Phase.FINISHED, closed=at)


def _run_rolled_back(state: RunState, event: e.RunRolledBack, at: Instant) -> RunState:
    state = replace(state, phase=Phase.ROLLED_BACK, closed=at, deadlines_met=event.deadlines_met)
    for trigger in state.open_triggers:
        state = with_trigger(state, trigger.number, closed="rolled back", closed_at=at)
    return state


def _run_aborted(state: RunState, event: e.RunAborted, at: Instant) -> RunState:
    return replace(state, phase=Phase.ABORTED, closed=at, closed_why=f"{event.by.name}: {event.reason}")


_HANDLERS: dict[type, Any] = {
    e.EngineStarted: _engine_started,
    e.AttemptStarted: _attempt_started,
    e.AttemptEnded: _attempt_ended,
    e.AttemptInDoubt: _attempt_in_doubt,
    e.CancelRequested: _cancel_requested,
    e.StepHeld: _step_held,
    e.AnnouncementQueued: _announcement_queued,
    e.CheckWaived: _check_waived,
    e.StepAttested: _step_attested,
    e.StepSkipped: _step_skipped,
    e.StepMarkedDone: _step_marked_done,
    e.StepFoundNotDone: _step_found_not_done,
    e.TriggerRaised: _trigger_raised,
    e.TriggerClosed: _trigger_closed,
    e.DeadlinePassed: _deadline_passed,
    e.RollbackStarted: _rollback_started,
    e.OtherWayTaken: _other_way_taken,
    e.NoteAdded: _note_added,
    e.ControlRequested: _control_requested,
    e.ControlChanged: _control_changed,
    e.ClockJumped: _clock_jumped,
    e.FilesChanged: _files_changed,
    e.ForeignEvents: _foreign_events,
    e.RunFinished: _run_finished,
    e.RunRolledBack: _run_rolled_back,
    e.RunAborted: _run_aborted,
    **WATCH_HANDLERS,
}
