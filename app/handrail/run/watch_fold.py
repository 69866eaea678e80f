"""The fold of a watch's events into the run's state."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from handrail.clock import Instant
from handrail.run import watch_events as w
from handrail.run.state import RunState, StepStatus
from handrail.run.state_changes import noted, with_trigger


def _watching(state: RunState, **changes: Any) -> RunState:
    return replace(state, watch=replace(state.watch, **changes))


def _with_step(state: RunState, key: str, **changes: Any) -> RunState:
    # A step that the run hasn't makes the whole event say nothing, the watch's part of it included.
    return replace(state, steps={**state.steps, key: replace(state.steps[key], **changes)})


def _sampled(state: RunState, event: w.SignalsSampled, at: Instant) -> RunState:
    known, silence = dict(state.watch.known), dict(state.watch.silence)
    for window in event.windows:
        for name, tally in window.tallies.items():
            if tally.n:
                known[name] = window.end
                silence.pop(name, None)
            elif tally.unknown:
                silence[name] = tally.why
    return _watching(state, windows=(*state.watch.windows, *event.windows), known=known, silence=silence)


def _baseline_started(state: RunState, event: w.BaselineStarted, at: Instant) -> RunState:
    state = _with_step(
        state, event.step, status=StepStatus.RUNNING, started=state.steps[event.step].started or at, why=""
    )
    return _watching(state, waiting_step=event.step, baseline_seconds=event.seconds)


def _baseline_taken(state: RunState, event: w.BaselineTaken, at: Instant) -> RunState:
    if event.step is not None:
        state = _with_step(state, event.step, status=StepStatus.PASSED, ended=at, why="")
    return _watching(state, waiting_step=None, own_baseline=event.signals, baseline_taken=at)


def _started(state: RunState, event: w.WatchStarted, at: Instant) -> RunState:
    state = _with_step(state, event.step, status=StepStatus.RUNNING, started=at, ended=None, why="")
    return _watching(
        state,
        step=event.step,
        started=at,
        ended=None,
        seconds=event.seconds,
        baseline=event.baseline,
        judgements={},
    )


def _judged(state: RunState, event: w.SignalJudged, at: Instant) -> RunState:
    judged = {**state.watch.judgements, event.judgement.signal: event.judgement}
    return _watching(state, judgements=judged)


def _stretched(state: RunState, event: w.WatchStretched, at: Instant) -> RunState:
    reason = f": {event.reason}" if event.reason else ""
    state = noted(state, at, event.by.name, f"watches for longer{reason}")
    return _watching(state, seconds=event.seconds)


def _ended(state: RunState, event: w.WatchEnded, at: Instant) -> RunState:
    status = StepStatus.PASSED if event.clean else StepStatus.FAILED
    state = _with_step(state, event.step, status=status, ended=at, why=event.evidence)
    return _watching(state, ended=at)


def _trouble(state: RunState, event: w.TroubleReported, at: Instant) -> RunState:
    return noted(state, at, event.by.name, f"users report: {event.text}")


def _extended(state: RunState, event: w.DeadlineExtended, at: Instant) -> RunState:
    trigger = state.triggers[event.trigger]
    said = f"{event.by.name}: {event.reason}"
    state = with_trigger(
        state,
        event.trigger,
        deadline=event.deadline,
        extended=(*trigger.extended, said),
        passed=event.deadline.since(at).total_seconds() <= 0,
        rolls_back_at=None,
    )
    by = event.deadline.since(trigger.deadline).total_seconds()
    text = f"extended the deadline of trigger {event.trigger} by {by:.0f} s: {event.reason}"
    return noted(state, at, event.by.name, text)


def _foretold(state: RunState, event: w.RollbackForetold, at: Instant) -> RunState:
    return with_trigger(state, event.trigger, rolls_back_at=event.at, why_not=event.why_not)


def _kept(state: RunState, event: w.ReleaseKept, at: Instant) -> RunState:
    state = with_trigger(state, event.trigger, kept=f"{event.by.name}: {event.reason}")
    text = f"confirmed that the release stays, in spite of trigger {event.trigger}: {event.reason}"
    return noted(state, at, event.by.name, text)


WATCH_HANDLERS: dict[type, Any] = {
    w.SignalsSampled: _sampled,
    w.BaselineStarted: _baseline_started,
    w.BaselineTaken: _baseline_taken,
    w.WatchStarted: _started,
    w.SignalJudged: _judged,
    w.WatchStretched: _stretched,
    w.WatchEnded: _ended,
    w.TroubleReported: _trouble,
    w.DeadlineExtended: _extended,
    w.RollbackForetold: _foretold,
    w.ReleaseKept: _kept,
}
