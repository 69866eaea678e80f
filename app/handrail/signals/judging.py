"""The verdict on one signal, from its windows of the watch so far and its baseline; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from handrail.signals import words
from handrail.signals.baseline import SignalBaseline
from handrail.signals.case import Case
from handrail.signals.error_judge import judge_any, judge_errors
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.latency_judge import judge_latency
from handrail.signals.level_judge import judge_level
from handrail.signals.limits import Limits
from handrail.signals.series import known_tallies, seconds_between
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow

DEFAULT_WATCH = timedelta(minutes=30)


def judge(
    signal: Signal,
    windows: Sequence[SignalWindow],
    baseline: SignalBaseline | None,
    limits: Limits,
    *,
    watch: timedelta = DEFAULT_WATCH,
) -> Judgement:
    """The verdict on `signal` right after the last of `windows`, which are those of the watch, oldest first.

    `watch` is the watch's whole length: looking again and again is corrected for over it, and
    `limits.false_alarms` is shared by all signals that the windows hold. Where nothing was known of the
    signal for `limits.blind_after`, it is unknown, unless what is known proves it bad (issue 4, "Judging").
    """
    if not windows:
        return _unknown(signal, "nothing was sampled yet")
    origin = windows[0].start
    known = known_tallies(signal.name, windows)
    now = seconds_between(origin, windows[-1].start) + windows[-1].seconds
    if known:
        now = max(now, known[-1][0] + known[-1][1].seconds)
    if not known:
        tried = sum(tally.unknown for window in windows if (tally := window.tallies.get(signal.name)))
        return _unknown(
            signal, f"no sample is known in {words.lasting(now)}, {tried} were tried{_why(signal, windows)}"
        )
    accepted = limits.false_alarms / max([1, *[len(window.tallies) for window in windows]])
    case = Case(signal, known, now, baseline, limits, watch, accepted)
    if signal.kind is SignalKind.COUNT and signal.any_is_bad:
        judgement = judge_any(signal, known)
    elif signal.kind is SignalKind.LATENCY:
        judgement = judge_latency(case)
    elif signal.kind is SignalKind.LEVEL:
        judgement = judge_level(case)
    else:
        judgement = judge_errors(case)
    silent = now - known[-1][0] - known[-1][1].seconds
    if silent >= limits.blind_after.total_seconds() and judgement.verdict is not SignalVerdict.BAD:
        because = f"{signal.name}: nothing was known for {words.lasting(silent)}{_why(signal, windows)}."
        return judgement.model_copy(update={"verdict": SignalVerdict.UNKNOWN, "because": because})
    return judgement


def _why(signal: Signal, windows: Sequence[SignalWindow]) -> str:
    """The words of the newest failed look, as a tail of a sentence."""
    for window in reversed(windows):
        tally = window.tallies.get(signal.name)
        if tally is not None and tally.unknown and tally.why:
            return f" ({tally.why})"
    return ""


def _unknown(signal: Signal, why: str) -> Judgement:
    return Judgement(signal=signal.name, verdict=SignalVerdict.UNKNOWN, because=f"{signal.name}: {why}.")
