"""Judges latencies by their ranks against a slowed-down baseline, in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from handrail.clock import Instant
from handrail.signals import words
from handrail.signals.case import Case
from handrail.signals.change_point import began_at
from handrail.signals.exact_tests import normal_tail
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.latency_buckets import buckets_between, quantile
from handrail.signals.latency_ranks import (
    UNIFORM_VARIANCE,
    Ranks,
    Slower,
    SlowStretch,
    ratio_of_medians,
    slower,
    to_be_proven,
    z_score,
)
from handrail.signals.series import Known, RankSeries
from handrail.signals.signal import Signal
from handrail.signals.window import Tally
from handrail.values import TriggerClass

RULED_OUT = 0.05
"""The probability below which the considered limit is ruled out, and the latency good."""
FEWEST = 12
"""Below as many latencies on either side, nothing is said."""
SHOWN_SECONDS = 120.0


Shifts = tuple[float, float, float, float]
_PROVEN_FOR_WARNING, _PROVEN_FOR_CONSIDERED, _WARNING, _CONSIDERED = range(4)


def judge_latency(case: Case) -> Judgement:
    """The verdict on latencies."""
    signal, known, now, baseline, limits = case.signal, case.known, case.now, case.baseline, case.limits
    samples = sum([sum(tally.buckets.values()) for _, _, tally in known])
    shown = quantile(_together(tally for start, _, tally in known if start >= now - SHOWN_SECONDS), 0.5)
    before = baseline.tally.buckets if baseline is not None else {}
    baseline_n = sum(before.values())
    if baseline is None or not baseline_n:
        return _unknown(signal, "no baseline", samples, 0, shown)
    if baseline_n < FEWEST:
        because = f"the baseline is too small: {words.counted(baseline_n, 'sample')}"
        return _unknown(signal, because, samples, baseline_n, shown)
    usual = quantile(before, 0.5) or 0.0
    common = {
        "signal": signal.name,
        "samples": samples,
        "baseline_samples": baseline_n,
        "now": shown,
        "baseline": usual,
        "threshold": usual * limits.latency_considered,
    }
    warning = min(limits.latency_warning, limits.latency_considered)
    shifts = (
        buckets_between(to_be_proven(math.sqrt(warning), baseline.seconds)),
        buckets_between(to_be_proven(warning, baseline.seconds)),
        buckets_between(warning),
        buckets_between(limits.latency_considered),
    )
    series = _series(known, now, Ranks(before), shifts)
    for question, limit, verdict in (
        (
            Slower(over=_CONSIDERED, proven=_PROVEN_FOR_CONSIDERED),
            limits.latency_considered,
            SignalVerdict.BAD,
        ),
        (Slower(over=_WARNING, proven=_PROVEN_FOR_WARNING), warning, SignalVerdict.WARNING),
    ):
        found = slower(
            series, question, baseline_n, baseline.dispersion, case.watch.total_seconds(), case.accepted
        )
        if found is not None:
            return _slow(signal, known, series, before, found, verdict, limit, question.proven, common)
    length = len(series)
    if samples < FEWEST:
        return _unknown(signal, _not_enough(samples, now), samples, baseline_n, shown, common)
    ranks = series.ranks[_CONSIDERED][length]
    if normal_tail(-z_score(samples, ranks, baseline_n, baseline.dispersion)) <= RULED_OUT:
        because = (
            f"{signal.name} is as fast as before: {_numbers(signal, shown, samples, usual, baseline_n)}; "
            f"{words.change(limits.latency_considered)} is ruled out (95 %)."
        )
        return Judgement.model_validate({**common, "verdict": SignalVerdict.GOOD, "because": because})
    return _unknown(signal, _not_enough(samples, now), samples, baseline_n, shown, common)


def _not_enough(samples: int, now: float) -> str:
    return f"no proof either way yet: {words.counted(samples, 'sample')} in {words.lasting(now)}"


def _unknown(
    signal: Signal,
    why: str,
    samples: int,
    baseline_samples: int,
    shown: float | None,
    common: Mapping[str, object] | None = None,
) -> Judgement:
    fields: dict[str, object] = {
        "signal": signal.name,
        "samples": samples,
        "baseline_samples": baseline_samples,
        "now": shown,
        **(common or {}),
        "verdict": SignalVerdict.UNKNOWN,
        "because": f"{signal.name}: {why}.",
    }
    return Judgement.model_validate(fields)


def _slow(
    signal: Signal,
    known: Known,
    series: RankSeries,
    before: Mapping[int, int],
    found: SlowStretch,
    verdict: SignalVerdict,
    limit: float,
    proven: int,
    common: Mapping[str, object],
) -> Judgement:
    now = _together(tally for _, _, tally in known[found.first :])
    ratio = ratio_of_medians(now, before)
    baseline_n = sum(before.values())
    median, usual = quantile(now, 0.5), quantile(dict(before), 0.5) or 0.0
    because = (
        f"{signal.name} is slower than before by more than {words.change(limit)}: {words.change(ratio)} "
        f"({_numbers(signal, median, found.n, usual, baseline_n)}); {words.by_chance(found.p)}."
    )
    bad = verdict is SignalVerdict.BAD
    return Judgement.model_validate(
        {
            **common,
            "verdict": verdict,
            "because": because,
            "trigger_class": TriggerClass.CONSIDERED if bad else None,
            "effect": f"{words.change(ratio)} over the baseline",
            "p": found.p,
            "now": median,
            "threshold": usual * limit,
            "evidence_from": _evidence_from(known, series, found, proven),
        }
    )


def _numbers(signal: Signal, now: float | None, n: int, usual: float, baseline_n: int) -> str:
    shown = "nothing" if now is None else words.amount(now, signal.unit or "ms")
    return (
        f"half of {words.counted(n, 'sample')} within {shown}, "
        f"before half of {words.count(baseline_n)} within {words.amount(usual, signal.unit or 'ms')}"
    )


def _evidence_from(known: Known, series: RankSeries, found: SlowStretch, proven: int) -> Instant | None:
    """When it became slow: the present rise of the sum of ranks over what lies halfway to now's."""
    ranks, length = series.ranks[proven], len(series)
    mean = (ranks[length] - ranks[found.first]) / max(1, found.n)
    halfway = 0.5 * (0.5 + mean)
    # In natural logarithms of likelihood, as of normal ranks.
    weight = (mean - 0.5) / UNIFORM_VARIANCE
    began = began_at(
        weight * (ranks[i + 1] - ranks[i] - halfway * (series.n[i + 1] - series.n[i])) for i in range(length)
    )
    index = found.first if began is None else began
    return known[index][1].start if known else None


def _series(known: Known, now: float, ranks: Ranks, shifts: Shifts) -> RankSeries:
    series = RankSeries(len(shifts))
    counts: list[int] = []
    sums: list[Shifts] = []
    seen: dict[int, Shifts] = {}
    first, second, third, fourth = shifts
    for _, _, tally in known:
        n = 0
        a = b = c = d = 0.0
        # Written out: this runs for every latency of the watch, at every look.
        for bucket, count in tally.buckets.items():
            found = seen.get(bucket)
            if found is None:
                found = seen[bucket] = (
                    ranks.rank(bucket, first),
                    ranks.rank(bucket, second),
                    ranks.rank(bucket, third),
                    ranks.rank(bucket, fourth),
                )
            n += count
            a += count * found[0]
            b += count * found[1]
            c += count * found[2]
            d += count * found[3]
        counts.append(n)
        sums.append((a, b, c, d))
    seconds = [window.seconds for _, window, _ in known]
    series.add_all([start for start, _, _ in known], seconds, counts, list(zip(*sums, strict=True)))
    series.now = max(series.now, now)
    return series


def _together(tallies: Iterable[Tally]) -> dict[int, int]:
    together: Counter[int] = Counter()
    for tally in tallies:
        together.update(tally.buckets)
    return dict(together)
