"""A watch's events as plain sentences; the samples themselves say nothing to a reader of a timeline."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from handrail.run import watch_events as w
from handrail.run.state import RunState
from handrail.signals.baseline import Baseline, BaselineSource
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.text import duration

_VERDICTS = {
    SignalVerdict.GOOD: "Good",
    SignalVerdict.WARNING: "Warning",
    SignalVerdict.BAD: "BAD",
    SignalVerdict.UNKNOWN: "Not known",
}


def seconds_text(seconds: float) -> str:
    """Seconds as a duration for people."""
    return duration(timedelta(seconds=seconds))


def _title(state: RunState, key: str | None) -> str:
    return state.steps[key].planned.title if key in state.steps else "the watch"


def _baseline_started(event: w.BaselineStarted, state: RunState) -> str:
    return f"{_title(state, event.step)}: sampling until {seconds_text(event.seconds)} are seen"


def _baseline_taken(event: w.BaselineTaken, state: RunState) -> str | None:
    if not event.signals:
        return "No baseline: nothing was sampled before the deployment" if event.step is None else None
    samples = sum(each.tally.n for each in event.signals.values())
    return f"Baseline taken: {seconds_text(event.seconds)}, {len(event.signals)} signals, {samples:,} samples"


def _watch_started(event: w.WatchStarted, state: RunState) -> str:
    return (
        f"Started {_title(state, event.step)}: {seconds_text(event.seconds)} must be clean; "
        f"{against(event.baseline, len(state.plan.signals))}"
    )


def against(baseline: Baseline, signals: int) -> str:
    """What a watch compares with, in words."""
    if not baseline:
        return "there is no baseline to compare with"
    history = sum(each.source is BaselineSource.HISTORY for each in baseline.values())
    own = len(baseline) - history
    parts = []
    if own:
        parts.append(f"{own} of {signals} signals against this run's own baseline")
    if history:
        parts.append(f"{history} of {signals} against the last good runs at this hour")
    return ", ".join(parts)


def judgement_words(judgement: Judgement) -> str:
    """Why a signal is judged so; its name comes first, and once."""
    if judgement.because.startswith(judgement.signal):
        return judgement.because
    return f"{judgement.signal}: {judgement.because}"


def _judged(event: w.SignalJudged, state: RunState) -> str | None:
    calm_before = event.before in (None, SignalVerdict.UNKNOWN)
    if calm_before and event.judgement.verdict in (SignalVerdict.GOOD, SignalVerdict.UNKNOWN):
        # That a verdict is found where none was is what one expects of a watch, for each of its signals.
        return None
    return f"{_VERDICTS[event.judgement.verdict]}: {judgement_words(event.judgement)}"


def _stretched(event: w.WatchStretched, state: RunState) -> str:
    why = f": {event.reason}" if event.reason else ""
    return f"{event.by.name} stretched the watch to {seconds_text(event.seconds)}{why}"


def _ended(event: w.WatchEnded, state: RunState) -> str:
    word = "Passed" if event.clean else "Ended, not passed"
    return f"{word}: {_title(state, event.step)}: {event.evidence}"


def _trouble(event: w.TroubleReported, state: RunState) -> str:
    return f"{event.by.name} passes on what users report: {event.text}"


def _extended(event: w.DeadlineExtended, state: RunState) -> str:
    until = event.deadline.datetime().strftime("%H:%M:%S UTC")
    return f"{event.by.name} extended the deadline of trigger {event.trigger} to {until}: {event.reason}"


def _foretold(event: w.RollbackForetold, state: RunState) -> str:
    if event.why_not:
        return f"Trigger {event.trigger} is NOT rolled back by itself: {event.why_not}. A person has to"
    at = event.at.datetime().strftime("%H:%M:%S UTC")
    return (
        f"ROLLS BACK BY ITSELF at {at}, for trigger {event.trigger}, "
        "unless the operator confirms that the release stays"
    )


def _kept(event: w.ReleaseKept, state: RunState) -> str:
    return f"{event.by.name} confirmed that the release stays, for trigger {event.trigger}: {event.reason}"


WATCH_SENTENCES: dict[type, Callable[[Any, RunState], str | None]] = {
    w.BaselineStarted: _baseline_started,
    w.BaselineTaken: _baseline_taken,
    w.WatchStarted: _watch_started,
    w.SignalJudged: _judged,
    w.WatchStretched: _stretched,
    w.WatchEnded: _ended,
    w.TroubleReported: _trouble,
    w.DeadlineExtended: _extended,
    w.RollbackForetold: _foretold,
    w.ReleaseKept: _kept,
}
