"""The machine and the application's processes as they were sampled last, for a line that is always in view.

Nothing is judged here: the newest windows are read, beside the verdicts that the engine journaled. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.project.signals import CPU, DISK_FREE, HOST_CPU, HOST_MEMORY, MEMORY, PROCESSES, RESTARTS
from handrail.reports.signal_values import newest, value_in
from handrail.run.state import RunState
from handrail.signals.judgement import SignalVerdict
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow

NOW_IS = timedelta(minutes=1)
JOURNALED_EVERY = timedelta(seconds=30)
"""Outside of a watch the engine journals so much together."""
_SOURCES = {
    **dict.fromkeys((HOST_CPU, HOST_MEMORY, DISK_FREE), "this machine"),
    **dict.fromkeys((PROCESSES, RESTARTS, MEMORY, CPU), "pm2"),
}
_JUMPS = (HOST_CPU, CPU)


class Vital(Struct, frozen=True):
    """One of these signals. `value` is what is known of it last, and `at` when that was; `None`: never.

    A value is in the signal's unit: of `processes` how many are not online, out of `total`; of `restarts` how
    many there were within the newest minute. `verdict` is *unknown* where the value is older than the pace of
    the sampling explains, or what came after it is unknown, and `None` where nothing is judged yet.
    """

    signal: Signal
    value: float | None = None
    total: int = 0
    at: Instant | None = None
    verdict: SignalVerdict | None = None

    @property
    def name(self) -> str:
        """The signal's name."""
        return self.signal.name

    @property
    def is_sampled(self) -> bool:
        """Whether it was ever looked at, though perhaps in vain."""
        return self.at is not None or self.verdict is not None


def is_vital(signal: Signal) -> bool:
    """Whether a signal is one of these, and not a probe of the target's own that has the same name."""
    return _SOURCES.get(signal.name) == signal.source


def vitals(state: RunState, now: Instant) -> tuple[Vital, ...]:
    """Machine first, then processes, as far as the target has them; none once nothing is sampled any more."""
    if not state.phase.is_open or not state.plan.is_watched:
        return ()
    found = {signal.name: signal for signal in state.plan.signals if is_vital(signal)}
    return tuple(_vital(state, found[name], now) for name in _SOURCES if name in found)


def _vital(state: RunState, signal: Signal, now: Instant) -> Vital:
    watch = state.watch
    at, is_silent = watch.known.get(signal.name), signal.name in watch.silence
    if at is None:
        return Vital(signal, verdict=SignalVerdict.UNKNOWN if is_silent else None)
    value, total = _value(signal, watch.windows)
    if is_silent or now.since(at) > _oldest(state, signal):
        return Vital(signal, value, total, at, SignalVerdict.UNKNOWN)
    return Vital(signal, value, total, at, _verdict(state, signal, value))


def _oldest(state: RunState, signal: Signal) -> timedelta:
    """How old a value may be that still counts as the present one."""
    return JOURNALED_EVERY + state.plan.target.monitor.window + timedelta(seconds=signal.every)


def _value(signal: Signal, windows: Sequence[SignalWindow]) -> tuple[float | None, int]:
    if signal.name == PROCESSES:
        return _not_online(windows)
    if signal.name == RESTARTS:
        recent = newest(windows, NOW_IS)
        return float(sum(w.tallies[RESTARTS].bad for w in recent if RESTARTS in w.tallies)), 0
    place = next((n for n in range(len(windows) - 1, -1, -1) if _knows(windows[n], signal)), None)
    if place is None:
        return None, 0
    seen = windows[: place + 1]
    # A processor's load jumps; of memory and room on a disk the newest value is what counts.
    length = max(NOW_IS, timedelta(seconds=signal.every)) if signal.name in _JUMPS else timedelta()
    return value_in(signal, newest(seen, length)), 0


def _knows(window: SignalWindow, signal: Signal) -> bool:
    tally = window.tallies.get(signal.name)
    return tally is not None and tally.n > 0


def _not_online(windows: Sequence[SignalWindow]) -> tuple[float | None, int]:
    """How many processes are not online, of how many: one sample each in a look, and one memory for all."""
    for window in reversed(windows):
        seen = window.tallies.get(PROCESSES)
        if seen is None or not seen.n:
            continue
        memory = window.tallies.get(MEMORY)
        looks = memory.n if memory is not None else 0
        if not looks:
            # A look that found no process at all has no memory, and one bad sample.
            return float(seen.bad), 0
        return float(math.ceil(seen.bad / looks)), max(round(seen.n / looks), 1)
    return None, 0


def _verdict(state: RunState, signal: Signal, value: float | None) -> SignalVerdict | None:
    """The engine's verdict while it judges; what is plainly beyond a bound is a warning at any time."""
    watch = state.watch
    judged = watch.judgements.get(signal.name) if watch.is_on else None
    verdict = judged.verdict if judged is not None else None
    if verdict in (SignalVerdict.WARNING, SignalVerdict.BAD):
        return verdict
    if _is_beyond(signal, value):
        return SignalVerdict.WARNING
    # What a young watch can't decide yet is known all the same.
    return None if verdict is SignalVerdict.UNKNOWN else verdict


def _is_beyond(signal: Signal, value: float | None) -> bool:
    if value is None:
        return False
    if signal.kind is SignalKind.OUTCOMES:
        return value > 0
    return (signal.above is not None and value > signal.above) or (
        signal.below is not None and value < signal.below
    )
