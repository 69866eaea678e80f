"""What was watched: each signal's verdict with its evidence, and its values over the run.

deployment-workflow.md, "Step 5: Monitor".
"""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.page import series
from handrail.reports.page.axes import time_marks, value_range
from handrail.reports.page.document import (
    Bar,
    Block,
    Cell,
    Chart,
    Curve,
    Facts,
    Level,
    Mark,
    Moment,
    Paragraph,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.series import Point
from handrail.reports.page.source import RunSource, lasted, seconds_text
from handrail.reports.signal_values import value_text
from handrail.reports.signals import limit_of
from handrail.run import watch_events as w
from handrail.run.clean_time import clean_seconds
from handrail.run.events import Purpose
from handrail.signals.baseline import BaselineSource, SignalBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow, Tally, merged

TONES = {
    SignalVerdict.GOOD: Tone.GOOD,
    SignalVerdict.WARNING: Tone.WARNING,
    SignalVerdict.BAD: Tone.BAD,
    SignalVerdict.UNKNOWN: Tone.UNKNOWN,
}
NOT_JUDGED = Mark("not judged")
MOST_ROWS = 16
"""Rows of the table of values beside a chart."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
MOST_TRIGGERS_MARKED = 8


class _Picture(Struct, frozen=True):
    """What all charts of a run share: their beginning, their width, and what is marked in them."""

    begin: Instant
    end: Instant
    moments: tuple[Moment, ...]
    spans: tuple[Bar, ...]

    @property
    def seconds(self) -> float:
        return max(1.0, self.end.since(self.begin).total_seconds())

    def at(self, moment: Instant) -> float:
        return moment.since(self.begin).total_seconds()


def watch_section(source: RunSource) -> Section | None:
    """The watch; `None` for a run whose plan watches nothing, and that sampled nothing."""
    state, watch = source.state, source.state.watch
    if not state.plan.signals or not (state.plan.is_watched or watch.windows):
        return None
    if not watch.windows:
        return Section("The watch", (Paragraph("Nothing was sampled in this run.", Tone.UNKNOWN),))
    picture = _picture(source)
    rows = tuple(_row(source, signal) for signal in state.plan.signals)
    columns = ("signal", "verdict", "in the watch", "baseline", "threshold", "samples")
    blocks: list[Block] = [Paragraph(_sentence(source)), Table("Every signal", columns, rows)]
    if picture.moments:
        keys = tuple((moment.letter, moment.clock, moment.name) for moment in picture.moments)
        blocks.append(Table("The moments that are marked in the charts", ("mark", "UTC", "what"), keys))
    sections = tuple(_signal_section(source, signal, picture) for signal in state.plan.signals)
    return Section("The watch", tuple(blocks), sections)


def _sentence(source: RunSource) -> str:
    state, watch = source.state, source.state.watch
    sampled = seconds_text(sum(window.seconds for window in watch.windows))
    said = f"The target's signals were sampled for {sampled}."
    if watch.started is None:
        return said + " The watch itself never began: nothing was judged."
    clean, needed = seconds_text(clean_seconds(state)), seconds_text(watch.seconds)
    said += f" The watch began at {source.clock(watch.started)} UTC; {clean} of {needed} were clean."
    if watch.ended is None:
        return said + (" It goes on." if state.phase.is_open else " It did not come to its end.")
    ending = state.steps[watch.step].why if watch.step in state.steps else ""
    said += f" It ended at {source.clock(watch.ended)} UTC, after {lasted(watch.started, watch.ended)}"
    return said + (f": {ending}" if ending else ".")


def _picture(source: RunSource) -> _Picture:
    state, watch = source.state, source.state.watch
    begin = watch.windows[0].start
    ends = [watch.windows[-1].end, state.closed or watch.windows[-1].end]
    end = max(ends, key=lambda at: at.since(begin))
    found: list[tuple[Instant, str]] = []
    if (change := _first_change(source)) is not None:
        found.append(change)
    if watch.started is not None:
        found.append((watch.started, "the watch began"))
    for trigger in list(state.triggers.values())[:MOST_TRIGGERS_MARKED]:
        found.append((trigger.evidence_from, f"evidence of trigger {trigger.number} began"))
    if state.rollback_started is not None:
        found.append((state.rollback_started, "the rollback began"))
    if watch.ended is not None:
        found.append((watch.ended, "the watch ended"))
    if state.closed is not None:
        found.append((state.closed, f"the run was over: {state.phase.value}"))
    found = [(at, name) for at, name in found if at.since(begin).total_seconds() >= -1]
    found.sort(key=lambda each: each[0].since(begin))
    moments = tuple(
        Moment(LETTERS[n], name, source.clock(at), max(0.0, at.since(begin).total_seconds()))
        for n, (at, name) in enumerate(found[: len(LETTERS)])
    )
    spans = []
    if watch.own_baseline and watch.baseline_taken is not None:
        spans.append(Bar("baseline", 0.0, watch.baseline_taken.since(begin).total_seconds()))
    if watch.started is not None:
        until = watch.ended or end
        spans.append(
            Bar("watch", watch.started.since(begin).total_seconds(), until.since(begin).total_seconds())
        )
    return _Picture(begin, end, moments, tuple(spans))


def _first_change(source: RunSource) -> tuple[Instant, str] | None:
    for attempt in source.state.attempts.values():
        step = source.state.steps.get(attempt.step or "")
        if attempt.purpose is Purpose.STEP and step is not None and not step.planned.only_looks:
            return attempt.started or attempt.announced, f"the first change: {step.planned.title}"
    return None


def _mark(source: RunSource, signal: Signal) -> Mark:
    judged = source.state.watch.judgements.get(signal.name)
    return Mark(judged.verdict.value, TONES[judged.verdict]) if judged else NOT_JUDGED


def _seen(windows: tuple[SignalWindow, ...], signal: Signal) -> tuple[Tally, float]:
    own = [window for window in windows if signal.name in window.tallies]
    return merged(window.tallies[signal.name] for window in own), sum(window.seconds for window in own)


def _baseline(source: RunSource, signal: Signal) -> SignalBaseline | None:
    watch = source.state.watch
    if watch.started is not None:
        return watch.baseline.get(signal.name)
    return (watch.own_baseline or {}).get(signal.name)


def _threshold(source: RunSource, signal: Signal) -> float | None:
    judged = source.state.watch.judgements.get(signal.name)
    if judged is not None and judged.threshold is not None:
        return judged.threshold
    baseline = _baseline(source, signal)
    usual = next(iter(series.baseline_values(signal, baseline).values())) if baseline is not None else None
    return limit_of(signal, usual, source.state.plan.target.monitor.limits)


def _row(source: RunSource, signal: Signal) -> tuple[Cell, ...]:
    tally, seconds = _seen(source.state.watch.since_start, signal)
    now = series.values(signal, tally, seconds)
    baseline = _baseline(source, signal)
    before = series.baseline_values(signal, baseline) if baseline else {}
    threshold = _threshold(source, signal)
    unknown = f", {tally.unknown:,} unknown" if tally.unknown else ""
    return (
        signal.name,
        _mark(source, signal),
        _values(signal, now),
        _values(signal, before) if before else "none",
        value_text(signal, threshold),
        f"{tally.n:,}{unknown}",
    )


def _values(signal: Signal, values: dict[str, float | None]) -> str:
    if signal.kind is SignalKind.LATENCY:
        return ", ".join(f"{name} {value_text(signal, value)}" for name, value in values.items())
    return value_text(signal, next(iter(values.values()), None))


def _signal_section(source: RunSource, signal: Signal, picture: _Picture) -> Section:
    judged = source.state.watch.judgements.get(signal.name)
    found = series.points(source.state.watch.windows, signal, picture.begin, picture.end)
    blocks: list[Block] = []
    if judged is not None:
        blocks.append(Paragraph(judged.because, TONES[judged.verdict]))
    elif (silence := source.state.watch.silence.get(signal.name)) is not None:
        blocks.append(Paragraph(f"Nothing is known: {silence or 'no answer'}", Tone.UNKNOWN))
    blocks.append(Facts(_facts(source, signal, judged)))
    if any(point.tally.n for point in found):
        blocks += [_chart(source, signal, found, picture), _table(source, signal, found, picture)]
    else:
        blocks.append(Paragraph("No sample of it is known, so that there is nothing to draw.", Tone.UNKNOWN))
    if len(history := _history(source, signal)) > 1:
        blocks.append(Table("How the verdict changed", ("UTC", "verdict", "because"), tuple(history)))
    return Section(signal.name, tuple(blocks), mark=_mark(source, signal))


def _facts(source: RunSource, signal: Signal, judged: Judgement | None) -> tuple[tuple[str, Cell], ...]:
    baseline = _baseline(source, signal)
    compared = "nothing: there is no baseline of it"
    if baseline is not None:
        compared = (
            f"{baseline.source.value} ({baseline.tally.n:,} samples in {seconds_text(baseline.seconds)}"
        )
        over = f" of {baseline.runs} runs" if baseline.runs else ""
        compared += f"{over})" if baseline.source is BaselineSource.HISTORY else ")"
    rows: list[tuple[str, Cell]] = [
        ("Source", signal.source),
        ("Compared with", compared),
    ]
    if judged is not None:
        rows.append(("Judged on", f"{judged.samples:,} samples against {judged.baseline_samples:,}"))
        rows.append(("Effect", judged.effect))
        if judged.p is not None:
            rows.append(("By chance", f"p = {judged.p:.2g}"))
        if judged.evidence_from is not None and judged.verdict is not SignalVerdict.GOOD:
            rows.append(("Evidence from", f"{source.clock(judged.evidence_from)} UTC"))
    if not signal.required:
        rows.append(("Required", "no: its silence does not hold the watch"))
    return tuple((name, value) for name, value in rows if value)


def _history(source: RunSource, signal: Signal) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for event, at in source.entries:
        if isinstance(event, w.SignalJudged) and event.judgement.signal == signal.name:
            verdict = event.judgement.verdict
            rows.append((source.clock(at), Mark(verdict.value, TONES[verdict]), event.judgement.because))
    return rows


def _chart(source: RunSource, signal: Signal, found: list[Point], picture: _Picture) -> Chart:
    seen = [(point, series.values(signal, point.tally, point.end - point.begin)) for point in found]
    curves = tuple(
        Curve(name, _with_gaps([(point, values[name]) for point, values in seen]))
        for name in series.names(signal)
    )
    levels = _levels(source, signal)
    known = [value for curve in curves for _, value in curve.points if value is not None]
    known += [level.value for level in levels]
    low, high, marks = value_range(known, from_zero=signal.kind is not SignalKind.LEVEL)
    if signal.kind is SignalKind.OUTCOMES and low == 0 and high > 1:
        high, marks = 1.0, tuple(mark for mark in marks if mark <= 1)
    return Chart(
        title=f"{signal.name} over the run",
        words=_in_words(source, signal, known_levels=levels),
        seconds=picture.seconds,
        low=low,
        high=high,
        curves=curves,
        levels=levels,
        ticks=tuple((mark, value_text(signal, mark)) for mark in marks),
        times=time_marks(picture.begin, picture.seconds),
        moments=picture.moments,
        spans=picture.spans,
        blind=tuple(Bar("nothing known", p.begin, p.end, Tone.UNKNOWN) for p in found if p.is_blind),
    )


def _with_gaps(found: list[tuple[Point, float | None]]) -> tuple[tuple[float, float | None], ...]:
    """The values, with `None` where more than a while lies between two of them: no line leads across."""
    points: list[tuple[float, float | None]] = []
    last: Point | None = None
    for point, value in found:
        if last is not None and point.begin - last.end > max(last.end - last.begin, point.end - point.begin):
            points.append(((last.end + point.begin) / 2, None))
        points.append((point.middle, value))
        last = point
    return tuple(points)


def _levels(source: RunSource, signal: Signal) -> tuple[Level, ...]:
    levels = []
    baseline = _baseline(source, signal)
    if baseline is not None:
        for name, value in series.baseline_values(signal, baseline).items():
            if value is not None:
                which = f"baseline {name}" if signal.kind is SignalKind.LATENCY else "baseline"
                levels.append(Level(which, value, value_text(signal, value)))
    if (threshold := _threshold(source, signal)) is not None:
        levels.append(Level("threshold", threshold, value_text(signal, threshold)))
    for name, bound in (("upper bound", signal.above), ("lower bound", signal.below)):
        if bound is not None and bound != threshold:
            levels.append(Level(name, bound, value_text(signal, bound)))
    return tuple(levels)


def _in_words(source: RunSource, signal: Signal, known_levels: tuple[Level, ...]) -> str:
    tally, seconds = _seen(source.state.watch.since_start, signal)
    parts = [f"{level.name} {level.label}" for level in known_levels]
    if source.state.watch.started is not None and tally.n:
        now = series.values(signal, tally, seconds)
        parts.append(f"in the watch {_values(signal, now)}")
    return f"{signal.name}: {', '.join(parts) or 'values over time'}. Verdict: {_mark(source, signal).text}."


def _table(source: RunSource, signal: Signal, found: list[Point], picture: _Picture) -> Table:
    """The chart's values, a few points made one, for who can't see it."""
    each = -(-len(found) // MOST_ROWS)
    rows: list[tuple[Cell, ...]] = []
    for n in range(0, len(found), each):
        group = found[n : n + each]
        tally = merged(point.tally for point in group)
        now = series.values(signal, tally, sum(point.end - point.begin for point in group))
        begin = picture.begin.plus(timedelta(seconds=group[0].begin))
        unknown = f"{tally.unknown:,}" if tally.unknown else ""
        rows.append(
            (source.clock(begin), *(value_text(signal, v) for v in now.values()), f"{tally.n:,}", unknown)
        )
    columns = ("from (UTC)", *series.names(signal), "samples", "unknown")
    return Table(f"Values of {signal.name}", columns, tuple(rows), folded=True)
