"""Judges what goes well or badly (outcomes) and what happens now and then (counts), in words."""

from __future__ import annotations

import math
from datetime import timedelta

from handrail.clock import Instant
from handrail.signals import words
from handrail.signals.case import Case
from handrail.signals.change_point import began_at
from handrail.signals.error_rates import Conviction, Rate, convict, rate_of
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.limits import Limits
from handrail.signals.series import ErrorSeries, Known
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally
from handrail.values import TriggerClass

RULED_OUT = 0.05
"""The probability below which the threshold is ruled out, and the rate good."""
CLEAN_SAMPLES = (60, 300)
"""How many samples without an error are enough, beside a baseline without one. By the rule of three, they
rule out a rate of 5 % and of 1 %; in between, a fifth of the baseline's number is asked for."""
CLEAN_SECONDS = 300.0
SHOWN_SECONDS = 300.0
"""The rate that is shown as `now` is that of the last five minutes, where nothing is bad."""


def judge_errors(case: Case) -> Judgement:
    """The verdict on an outcome or a count."""
    signal, known, now, baseline, limits = case.signal, case.known, case.now, case.baseline, case.limits
    series = _series(signal, known, now)
    length = len(series)
    bad, exposure = series.bad[length], series.exposure[length]
    samples = sum([tally.n for _, _, tally in known])
    rate = rate_of(signal, baseline) if baseline is not None else None
    if baseline is None or rate is None:
        return Judgement(
            signal=signal.name,
            verdict=SignalVerdict.UNKNOWN,
            because=f"{signal.name}: no baseline to hold {_of(signal, bad, exposure)} against.",
            samples=samples,
            now=_shown(signal, bad, exposure),
        )
    shown = _shown_now(signal, series)
    common = {
        "signal": signal.name,
        "samples": samples,
        "baseline_samples": baseline.tally.n,
        "baseline": _shown(signal, rate.bad, rate.exposure),
        "threshold": _per_minute(signal, rate.threshold(limits.error_ratio)),
    }
    convicted, suspicious = convict(series, rate, limits, case.watch.total_seconds(), case.accepted)
    if convicted is not None:
        return _bad(signal, known, rate, convicted, limits, common)
    verdict, because = _not_bad(signal, series, rate, limits, suspicious, samples)
    return Judgement.model_validate({**common, "verdict": verdict, "because": because, "now": shown})


def judge_any(signal: Signal, known: Known) -> Judgement:
    """The verdict on a count of which a single one is bad: class *fast*, from the first one on."""
    events = sum(tally.bad for _, _, tally in known)
    samples = sum([tally.n for _, _, tally in known])
    common = {
        "signal": signal.name,
        "samples": samples,
        "now": float(events),
        "baseline": 0.0,
        "threshold": 1.0,
    }
    first = next(((window, tally) for _, window, tally in known if tally.bad > 0), None)
    if first is None:
        because = f"{signal.name}: none in {words.counted(samples, 'look')}."
        return Judgement.model_validate({**common, "verdict": SignalVerdict.GOOD, "because": because})
    why = next((tally.why for _, _, tally in reversed(known) if tally.bad and tally.why), "")
    because = f"{signal.name}: {words.count(events)} since the watch began, and a single one is bad"
    return Judgement.model_validate(
        {
            **common,
            "verdict": SignalVerdict.BAD,
            "because": f"{because}: {why}." if why else f"{because}.",
            "effect": f"{words.count(events)} where none may be",
            "trigger_class": TriggerClass.FAST,
            "evidence_from": _first_bad(*first),
        }
    )


def _series(signal: Signal, known: Known, now: float) -> ErrorSeries:
    series = ErrorSeries()
    starts = [start for start, _, _ in known]
    seconds = [window.seconds for _, window, _ in known]
    if signal.kind is SignalKind.OUTCOMES:
        bad = [tally.bad if tally.bad < tally.n else tally.n for _, _, tally in known]
        series.add_all(starts, seconds, bad, [tally.n for _, _, tally in known])
    else:
        series.add_all(starts, seconds, [tally.bad for _, _, tally in known], seconds)
    series.now = max(series.now, now)
    return series


def _bad(
    signal: Signal, known: Known, rate: Rate, found: Conviction, limits: Limits, common: dict[str, object]
) -> Judgement:
    ratio = found.bad / found.exposure / rate.usual
    times = words.times(ratio) if rate.bad else f"at least {words.times(ratio)}"
    noun = "fails" if signal.kind is SignalKind.OUTCOMES else "happens"
    before = _of(signal, rate.bad, rate.exposure)
    because = (
        f"{signal.name} {noun} {times} times as often as before: {_of(signal, found.bad, found.exposure)}, "
        f"before {before}; {words.by_chance(found.p)}."
    )
    return Judgement.model_validate(
        {
            **common,
            "verdict": SignalVerdict.BAD,
            "because": because,
            "trigger_class": TriggerClass.FAST,
            "effect": f"{times} times the baseline",
            "p": found.p,
            "now": _shown(signal, found.bad, found.exposure),
            "evidence_from": _evidence_from(signal, known, rate, found, limits),
        }
    )


def _evidence_from(
    signal: Signal, known: Known, rate: Rate, found: Conviction, limits: Limits
) -> Instant | None:
    """When what convicts began: the first error of the present rise of the sum of likelihood ratios."""
    usual = rate.usual
    present = max(found.bad / found.exposure, rate.threshold(limits.error_ratio))
    if signal.kind is SignalKind.OUTCOMES:
        usual, present = min(usual, 0.999), min(present, 0.9999)
        for_bad, for_good = math.log(present / usual), math.log((1 - present) / (1 - usual))
        increments = [tally.bad * for_bad + (tally.n - tally.bad) * for_good for _, _, tally in known]
    else:
        for_bad = math.log(present / usual)
        increments = [tally.bad * for_bad - (present - usual) * window.seconds for _, window, tally in known]
    began = began_at(increments)
    first = found.first if began is None else began
    for _, window, tally in known[first:]:
        if tally.bad:
            return _first_bad(window, tally)
    return None


def _first_bad(window: SignalWindow, tally: Tally) -> Instant:
    return window.start.plus(timedelta(seconds=tally.first_bad or 0.0))


def _not_bad(
    signal: Signal, series: ErrorSeries, rate: Rate, limits: Limits, suspicious: bool, samples: int
) -> tuple[SignalVerdict, str]:
    length = len(series)
    bad, exposure = series.bad[length], series.exposure[length]
    seen, before = _of(signal, bad, exposure), _of(signal, rate.bad, rate.exposure)
    if rate.bad == 0:
        good = bad == 0 and _enough_without_error(signal, exposure, rate.exposure)
        ruled_out = "enough to rule out a rate worth a rollback"
    else:
        good = rate.still_possible(bad, exposure, limits.error_ratio) <= RULED_OUT
        ruled_out = f"{_allowed(rate, limits)} times as often is ruled out (95 %)"
    if good and suspicious:
        because = (
            f"{signal.name}: more than before in the last minutes, and no proof yet; "
            f"in all {seen}, before {before}."
        )
        return SignalVerdict.WARNING, because
    if good:
        return SignalVerdict.GOOD, f"{signal.name}: {seen}, before {before}; {ruled_out}."
    span = words.lasting(series.now - series.starts[0]) if length else "0 s"
    because = f"{signal.name}: too few yet: {_samples(signal, samples)} in {span}"
    if bad:
        because = f"{signal.name}: no proof either way yet: {seen}"
        if signal.kind is SignalKind.OUTCOMES:
            because += f" in {span}"
    return SignalVerdict.UNKNOWN, f"{because}, before {before}."


def _allowed(rate: Rate, limits: Limits) -> str:
    return words.times(rate.threshold(limits.error_ratio) / rate.usual).removesuffix(".0")


def _enough_without_error(signal: Signal, exposure: float, before: float) -> bool:
    if signal.kind is SignalKind.COUNT:
        return exposure >= CLEAN_SECONDS
    fewest, most = CLEAN_SAMPLES
    return exposure >= min(most, max(fewest, before / 5))


def _shown_now(signal: Signal, series: ErrorSeries) -> float | None:
    length = len(series)
    first = next((i for i in range(length) if series.starts[i] >= series.now - SHOWN_SECONDS), length)
    return _shown(
        signal, series.bad[length] - series.bad[first], series.exposure[length] - series.exposure[first]
    )


def _shown(signal: Signal, bad: float, exposure: float) -> float | None:
    return _per_minute(signal, bad / exposure) if exposure else None


def _per_minute(signal: Signal, rate: float) -> float:
    return rate * 60 if signal.kind is SignalKind.COUNT else rate


def _samples(signal: Signal, n: float) -> str:
    return words.counted(n, "request" if signal.source.startswith("http") else "sample")


def _of(signal: Signal, bad: float, exposure: float) -> str:
    """`7 of 151 requests (4.6 %)`, or `12 in 5 min` for a count."""
    if signal.kind is SignalKind.COUNT:
        return f"{words.count(bad)} in {words.lasting(exposure)}"
    if not bad:
        return f"none of {_samples(signal, exposure)}"
    return f"{words.count(bad)} of {_samples(signal, exposure)} ({words.share(bad / exposure)})"
