"""Judges levels such as CPU and memory: fixed bounds, a lasting rise over the baseline, and leaks."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from handrail.clock import Instant
from handrail.signals import words
from handrail.signals.baseline import SignalBaseline
from handrail.signals.case import Case
from handrail.signals.change_point import began_at
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.limits import Limits
from handrail.signals.series import Known
from handrail.signals.signal import Signal
from handrail.signals.trend import steady_growth
from handrail.signals.window import SignalWindow, Tally
from handrail.values import TriggerClass

IN_A_ROW = 3
"""So many known samples in a row beyond a fixed bound are bad."""
LASTING_SECONDS = 180.0
LASTING_SHARE = 0.8
"""A rise lasts where this share of the windows of the last three minutes is above the limit."""
FEWEST_WINDOWS = 5
SPREADS = 4.0
"""A rise is one where it is beyond this many of the baseline's (robust) standard deviations, too."""
PERCENT_POINTS = {SignalVerdict.BAD: 10.0, SignalVerdict.WARNING: 5.0}
"""From 1 to 3 percent of a CPU is three times as much, and nothing: so a rise takes as many points."""
WARM_UP_SECONDS = 300.0
BLOCK_SECONDS = 60.0
_LONGEST_RISE = 20.0


def judge_level(case: Case) -> Judgement:
    """The verdict on a level."""
    signal, known, now, baseline, limits = case.signal, case.known, case.now, case.baseline, case.limits
    usual = baseline.median if baseline is not None else None
    lasting = [one for one in known if one[0] >= now - LASTING_SECONDS]
    middle = median(_means(lasting)) if lasting else None
    common: dict[str, object] = {
        "signal": signal.name,
        "samples": sum([tally.n for _, _, tally in known]),
        "baseline_samples": baseline.tally.n if baseline is not None else 0,
        "now": middle,
        "baseline": usual,
        "threshold": _threshold(signal, baseline, limits),
    }
    found = _beyond_bounds(signal, known, common)
    if found is None and baseline is not None and usual is not None and usual > 0:
        found = _risen(signal, known, lasting, now, baseline, limits, common)
    if (found is None or found.verdict is not SignalVerdict.BAD) and signal.may_leak:
        found = _leak(signal, known, usual, limits, case.watch, case.accepted, common) or found
    if found is not None:
        return found
    verdict, because = _calm(signal, known, lasting, now, middle, usual)
    return Judgement.model_validate({**common, "verdict": verdict, "because": f"{signal.name}: {because}."})


def _threshold(signal: Signal, baseline: SignalBaseline | None, limits: Limits) -> float | None:
    if signal.above is not None or signal.below is not None:
        return signal.above if signal.above is not None else signal.below
    if baseline is None or baseline.median is None or baseline.median <= 0:
        return None
    limit = _limit(signal, baseline, SignalVerdict.BAD, limits)
    # A share that is high already can't rise so far: its fixed bounds alone can be broken.
    return limit if signal.highest is None or limit < signal.highest else None


def _limit(signal: Signal, baseline: SignalBaseline, verdict: SignalVerdict, limits: Limits) -> float:
    """The level above which a lasting rise over the baseline has this verdict."""
    usual = baseline.median or 0.0
    ratio = limits.level_considered if verdict is SignalVerdict.BAD else limits.level_warning
    limit = max(ratio * usual, usual + SPREADS * (baseline.spread or 0.0))
    return max(limit, usual + PERCENT_POINTS[verdict]) if signal.unit == "%" else limit


def _means(known: Known) -> list[float]:
    return [tally.total / tally.n for _, _, tally in known]


def _beyond_bounds(signal: Signal, known: Known, common: dict[str, object]) -> Judgement | None:
    for bound, is_above in ((signal.above, True), (signal.below, False)):
        if bound is None:
            continue
        in_a_row, first, extreme = 0, None, bound
        for _, window, tally in reversed(known):
            nearest = tally.low if is_above else tally.high
            if nearest is None or (nearest <= bound if is_above else nearest >= bound):
                break
            in_a_row, first = in_a_row + tally.n, window
            farthest = (tally.high if is_above else tally.low) or nearest
            extreme = max(extreme, farthest) if is_above else min(extreme, farthest)
        if in_a_row >= IN_A_ROW and first is not None:
            word = "above" if is_above else "below"
            last = known[-1][2].last if known[-1][2].last is not None else extreme
            because = (
                f"{signal.name} is {words.amount(last, signal.unit)}, {word} its bound of "
                f"{words.amount(bound, signal.unit)}, for {words.counted(in_a_row, 'sample')} in a row."
            )
            return Judgement.model_validate(
                {
                    **common,
                    "verdict": SignalVerdict.BAD,
                    "trigger_class": TriggerClass.CONSIDERED,
                    "because": because,
                    "effect": f"{word} {words.amount(bound, signal.unit)}",
                    "now": last,
                    "threshold": bound,
                    "evidence_from": first.start,
                }
            )
    return None


def _risen(
    signal: Signal,
    known: Known,
    lasting: Known,
    now: float,
    baseline: SignalBaseline,
    limits: Limits,
    common: dict[str, object],
) -> Judgement | None:
    usual = baseline.median or 0.0
    if len(lasting) < FEWEST_WINDOWS or now - known[0][0] < LASTING_SECONDS:
        return None
    means = _means(lasting)
    middle = median(means)
    for verdict in (SignalVerdict.BAD, SignalVerdict.WARNING):
        limit = _limit(signal, baseline, verdict, limits)
        over = sum(mean > limit for mean in means)
        if middle <= limit or over < LASTING_SHARE * len(means):
            continue
        bad = verdict is SignalVerdict.BAD
        because = (
            f"{signal.name} is at {words.amount(middle, signal.unit)}, "
            f"before {words.amount(usual, signal.unit)} ({words.change(middle / usual)}): "
            f"above {words.amount(limit, signal.unit)} in {over} of {len(means)} windows "
            f"of the last {words.lasting(LASTING_SECONDS)}."
        )
        return Judgement.model_validate(
            {
                **common,
                "verdict": verdict,
                "trigger_class": TriggerClass.CONSIDERED if bad else None,
                "because": because,
                "effect": f"{words.change(middle / usual)} over the baseline",
                "threshold": limit,
                "evidence_from": _rise_began(known, usual, middle),
            }
        )
    return None


def _rise_began(known: Known, usual: float, middle: float) -> Instant | None:
    halfway, half = (usual + middle) / 2, (middle - usual) / 2
    steps = (min(1.0, max(-1.0, (mean - halfway) / half)) for mean in _means(known))
    began = began_at(steps)
    return known[began][1].start if began is not None else None


def _leak(
    signal: Signal,
    known: Known,
    usual: float | None,
    limits: Limits,
    watch: timedelta,
    accepted: float,
    common: dict[str, object],
) -> Judgement | None:
    blocks: dict[int, list[Tally]] = {}
    starts: dict[int, SignalWindow] = {}
    for start, window, tally in known:
        if start >= WARM_UP_SECONDS:
            block = int(start // BLOCK_SECONDS)
            blocks.setdefault(block, []).append(tally)
            starts.setdefault(block, window)
    values = [sum(t.total for t in tallies) / sum(t.n for t in tallies) for tallies in blocks.values()]
    growth = steady_growth([block * BLOCK_SECONDS for block in blocks], values)
    if growth is None or growth.p >= accepted:
        return None
    reference = usual if usual is not None and usual > 0 else values[0]
    grown = growth.a_second * (max(blocks) - min(blocks)) * BLOCK_SECONDS
    wanted = limits.leak_growth * reference
    if reference <= 0 or growth.a_second * watch.total_seconds() < wanted or grown < wanted / 2:
        return None
    an_hour = growth.a_second * 3600
    because = (
        f"{signal.name} grows steadily by {words.amount(an_hour, signal.unit)} an hour "
        f"({words.share(an_hour / reference)} of what is usual), as a leak does, over {len(values)} minutes; "
        f"{words.by_chance(growth.p)}."
    )
    return Judgement.model_validate(
        {
            **common,
            "verdict": SignalVerdict.BAD,
            "trigger_class": TriggerClass.CONSIDERED,
            "because": because,
            "effect": f"grows by {words.amount(an_hour, signal.unit)} an hour",
            "p": growth.p,
            "evidence_from": starts[min(starts)].start,
        }
    )


def _calm(
    signal: Signal, known: Known, lasting: Known, now: float, middle: float | None, usual: float | None
) -> tuple[SignalVerdict, str]:
    samples = sum([tally.n for _, _, tally in known])
    if middle is None or samples < IN_A_ROW:
        return SignalVerdict.UNKNOWN, f"too few samples yet: {samples}"
    shown = words.amount(middle, signal.unit)
    if usual is not None:
        if len(lasting) < FEWEST_WINDOWS:
            return SignalVerdict.UNKNOWN, f"too few samples yet: {samples} in {words.lasting(now)}"
        return SignalVerdict.GOOD, f"{shown}, before {words.amount(usual, signal.unit)}"
    if signal.above is not None or signal.below is not None:
        return SignalVerdict.GOOD, f"{shown}, within its bounds"
    return SignalVerdict.UNKNOWN, f"no baseline to hold {shown} against"
