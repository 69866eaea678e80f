"""How much of a watch was clean, and for how long nothing could be seen: by its windows alone."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.run.state import RunState
from handrail.signals.judgement import SignalVerdict
from handrail.signals.signal import Signal
from handrail.signals.window import SignalWindow

SLOW_SIGNAL_SAMPLES = 3
"""A signal that is sampled rarely is blind only once so many of its samples are missing."""


class Blindness(Struct, frozen=True):
    """Since when something that is required can't be seen, and what, in words."""

    since: Instant
    what: str


def required(state: RunState) -> tuple[Signal, ...]:
    """The signals whose silence holds the watch; all of them where the target marks none."""
    return tuple(signal for signal in state.plan.signals if signal.required) or state.plan.signals


def clean_seconds(state: RunState) -> float:
    """For how long the watch has seen the release without an open trigger.

    Time in which nothing was seen (the engine was dead, or every probe failed) is not clean: no gap is taken
    for good. Neither is the time from where a trigger's evidence began until a person closed it.
    """
    names = [signal.name for signal in required(state)]
    spans = [(trigger.evidence_from, trigger.closed_at) for trigger in state.triggers.values()]
    return sum(
        window.seconds
        for window in state.watch.since_start
        if _sees(window, names) and not any(_overlaps(window, *span) for span in spans)
    )


def baseline_seconds(state: RunState) -> float:
    """For how long the signals were sampled in this run before its first change."""
    names = [signal.name for signal in required(state)]
    return sum(window.seconds for window in state.watch.windows if _sees(window, names))


def _sees(window: SignalWindow, names: list[str]) -> bool:
    tallies = window.tallies
    # Without visitors an access log has nothing to say, which is no blindness: what failed counts alone.
    return any(tallies[name].n for name in names if name in tallies) or not any(
        tallies[name].unknown for name in names if name in tallies
    )


def _overlaps(window: SignalWindow, began: Instant, closed: Instant | None) -> bool:
    before = window.end.since(began).total_seconds() <= 0
    after = closed is not None and window.start.since(closed).total_seconds() >= 0
    return not before and not after


def time_to_watch(state: RunState) -> timedelta:
    """How much clean time the watch still needs; zero where it only waits for a verdict."""
    return timedelta(seconds=max(0.0, state.watch.seconds - clean_seconds(state)))


def undecided(state: RunState) -> tuple[Signal, ...]:
    """The required signals on which the watch has no verdict yet: unknown never passes."""
    judged = state.watch.judgements
    return tuple(
        signal
        for signal in required(state)
        if signal.name not in judged or judged[signal.name].verdict is SignalVerdict.UNKNOWN
    )


def blindness(state: RunState, now: Instant) -> Blindness | None:
    """What the watch can't see, for longer than the target allows (`blind_after`); `None` where it sees."""
    watch = state.watch
    if watch.started is None:
        return None
    limit = state.plan.target.monitor.limits.blind_after
    seen = watch.windows[-1].end if watch.windows else watch.started
    seen = max(seen, watch.started, key=lambda moment: moment.since(watch.started or moment))
    if now.since(seen) > limit + state.plan.target.monitor.window:
        return Blindness(seen, "no sample of any signal arrives")
    silent: list[tuple[Instant, str]] = []
    for signal in required(state):
        if signal.name not in watch.silence:
            continue
        known = watch.known.get(signal.name, watch.started)
        since = known if known.since(watch.started).total_seconds() > 0 else watch.started
        if now.since(since) > max(limit, timedelta(seconds=SLOW_SIGNAL_SAMPLES * signal.every)):
            silent.append((since, f"{signal.name} ({watch.silence[signal.name] or 'no answer'})"))
    if not silent:
        return None
    first = min((since for since, _ in silent), key=lambda moment: moment.since(seen))
    return Blindness(first, "no known sample of " + ", ".join(what for _, what in silent))
