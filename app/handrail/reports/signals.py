"""Every signal as a watch sees it now: the table of the monitor's page, for screens and plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.countdown import clock_time
from handrail.reports.signal_values import newest, samples_in, value_in, value_of, value_text
from handrail.run.clean_time import baseline_seconds, clean_seconds, undecided
from handrail.run.state import RunState
from handrail.run.watching import newest_judgements
from handrail.signals import words as signal_words
from handrail.signals.baseline import SignalBaseline
from handrail.signals.judgement import Judgement, SignalVerdict
from handrail.signals.limits import Limits
from handrail.signals.signal import Signal, SignalKind
from handrail.signals.window import SignalWindow
from handrail.text import clean_line, duration
from handrail.values import write_duration

NOW_IS = timedelta(minutes=1)
VERDICT_SIGNS = {
    SignalVerdict.GOOD: "✓",
    SignalVerdict.WARNING: "!",
    SignalVerdict.BAD: "✗",
    SignalVerdict.UNKNOWN: "?",
}
VERDICT_WORDS = {
    SignalVerdict.GOOD: "good",
    SignalVerdict.WARNING: "warning",
    SignalVerdict.BAD: "BAD",
    SignalVerdict.UNKNOWN: "unknown",
}


class SignalSeen(Struct, frozen=True):
    """One signal at the newest window. `judgement` is `None` where nothing is judged, before a watch.

    `samples` and `unknown` are of the watch, or of the whole run before it. `known_at` is the end of the
    newest window with a known sample, `blind_since` set where what came after it is unknown, and `silence`
    says why.
    """

    signal: Signal
    judgement: Judgement | None
    now: float | None
    baseline: float | None
    threshold: float | None
    samples: int
    unknown: int
    known_at: Instant | None
    blind_since: Instant | None
    silence: str

    @property
    def sign(self) -> str:
        """A sign of its own for each verdict."""
        return VERDICT_SIGNS[self.judgement.verdict] if self.judgement else "·"

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if self.judgement is not None:
            return VERDICT_WORDS[self.judgement.verdict]
        return "sampled" if self.samples else "no sample"

    @property
    def threshold_text(self) -> str:
        """The threshold with its unit; a lower bound is marked."""
        lower = self.signal.below is not None and self.threshold == self.signal.below
        return f"{'<' if lower else ''}{value_text(self.signal, self.threshold)}"


def signals_seen(state: RunState) -> tuple[SignalSeen, ...]:
    """Every signal of the target; asks the judges anew, so call it once for each new window. Pure."""
    judged = {each.signal: each for each in newest_judgements(state)}
    windows = state.watch.since_start if state.watch.started is not None else state.watch.windows
    return tuple(_seen(state, windows, signal, judged.get(signal.name)) for signal in state.plan.signals)


def _seen(
    state: RunState, windows: Sequence[SignalWindow], signal: Signal, judged: Judgement | None
) -> SignalSeen:
    watch = state.watch
    recent = newest(windows, max(NOW_IS, timedelta(seconds=signal.every)))
    before = _baseline(state, signal)
    usual = value_of(signal, before.tally, before.seconds) if before is not None else None
    samples, unknown = samples_in(signal, windows)
    known_at, silence = watch.known.get(signal.name), watch.silence.get(signal.name)
    begun = watch.started or (watch.windows[0].start if watch.windows else None)
    now = judged.now if judged is not None and judged.now is not None else value_in(signal, recent)
    usual = judged.baseline if judged is not None and judged.baseline is not None else usual
    limit = judged.threshold if judged is not None and judged.threshold is not None else None
    return SignalSeen(
        signal=signal,
        judgement=judged,
        now=now,
        baseline=usual,
        threshold=limit if limit is not None else limit_of(signal, usual, state.plan.target.monitor.limits),
        samples=samples,
        unknown=unknown,
        known_at=known_at,
        blind_since=(known_at or begun) if silence is not None else None,
        silence=silence or "",
    )


def _baseline(state: RunState, signal: Signal) -> SignalBaseline | None:
    watch = state.watch
    if watch.started is not None:
        return watch.baseline.get(signal.name)
    own = (watch.own_baseline or {}).get(signal.name)
    return own or state.plan.usual_signals.get(signal.name)


def limit_of(signal: Signal, baseline: float | None, limits: Limits) -> float | None:
    """Where class *considered* or *fast* begins, as the target's limits say; a fixed bound comes first."""
    if signal.above is not None or signal.below is not None:
        return signal.above if signal.above is not None else signal.below
    if not baseline:
        return None
    ratio = {SignalKind.LATENCY: limits.latency_considered, SignalKind.LEVEL: limits.level_considered}
    return baseline * ratio.get(signal.kind, limits.error_ratio)


def progress(state: RunState) -> tuple[str, float]:
    """How far a watch or a baseline is, in words and as a share from 0 to 1; no words where none is."""
    watch = state.watch
    if watch.is_on:
        seen, needed = clean_seconds(state), watch.seconds
        words = f"{_words(seen)} of {_needed(needed)} clean"
    elif watch.waiting_step is not None:
        seen, needed = baseline_seconds(state), watch.baseline_seconds
        words = f"{_words(seen)} of {_needed(needed)} sampled"
    else:
        return "", 0.0
    return words, min(seen / needed, 1.0) if needed else 1.0


def _words(seconds: float) -> str:
    return duration(timedelta(seconds=seconds))


def _needed(seconds: float) -> str:
    return write_duration(timedelta(seconds=seconds))


def tally_of_verdicts(judgements: Sequence[Judgement]) -> str:
    """How many signals are not good, in words; empty where all are."""
    counts = dict.fromkeys(SignalVerdict, 0)
    for each in judgements:
        counts[each.verdict] += 1
    said = []
    if counts[SignalVerdict.BAD]:
        said.append(f"{counts[SignalVerdict.BAD]} BAD")
    if number := counts[SignalVerdict.WARNING]:
        said.append(f"{number} warning{'s' if number > 1 else ''}")
    if counts[SignalVerdict.UNKNOWN]:
        said.append(f"{counts[SignalVerdict.UNKNOWN]} unknown")
    return ", ".join(said)


def standing(state: RunState) -> str:
    """One sentence on the sampling as a whole: a watch, what it waits for, a baseline, or neither."""
    watch = state.watch
    if not state.plan.signals:
        return "The target names nothing to watch."
    if watch.is_on:
        words, _ = progress(state)
        waits = undecided(state) if clean_seconds(state) >= watch.seconds else ()
        if waits:
            names = ", ".join(clean_line(signal.name) for signal in waits)
            return f"{words}; waits for a verdict on {names}"
        if state.open_triggers:
            return f"{words}; paused while a trigger is open"
        return words
    if watch.waiting_step is not None:
        return f"Baseline: {progress(state)[0]}"
    if watch.ended is not None:
        step = state.steps.get(watch.step or "")
        return f"The watch is over: {step.why if step else ''}".rstrip()
    if watch.own_baseline is not None:
        return "The baseline is taken; the watch has not begun"
    return "Sampling before the first change" if watch.windows else "Nothing has been sampled yet"


def evidence_words(seen: SignalSeen) -> str:
    """How many samples there are, and since when it is known or blind."""
    said = [signal_words.counted(seen.samples, "sample")]
    if seen.unknown:
        said.append(f"{seen.unknown:,} unknown")
    if (judged := seen.judgement) is not None and judged.baseline_samples:
        said.append(f"{judged.baseline_samples:,} in the baseline")
    if seen.blind_since is not None:
        why = clean_line(seen.silence) or "no answer"
        said.append(f"BLIND since {clock_time(seen.blind_since)}: {why}")
    elif seen.known_at is not None:
        said.append(f"known at {clock_time(seen.known_at)}")
    else:
        said.append("nothing known yet")
    return ", ".join(said)


def because_of(seen: SignalSeen) -> str:
    """The judge's sentence, or why there is none."""
    if seen.judgement is None:
        return "Nothing is judged before the watch."
    return clean_line(seen.judgement.because)


def signal_lines(state: RunState) -> list[str]:
    """Each signal as a sentence, for plain lines: nothing depends on columns there."""
    lines = [standing(state)]
    for seen in signals_seen(state):
        now, usual = (value_text(seen.signal, value) for value in (seen.now, seen.baseline))
        values = f"now {now}, baseline {usual}, threshold {seen.threshold_text}"
        lines.append(f"  {seen.word:<9} {clean_line(seen.signal.name)}: {values}")
        lines.append(f"    {because_of(seen)} ({evidence_words(seen)})")
    return lines


def signal_table(state: RunState) -> list[str]:
    """The table of the monitor's page as text: one line for each signal, and its reason below."""
    table = signals_seen(state)
    lines = [standing(state)]
    if not table:
        return lines
    rows: list[tuple[str, ...]] = [("", "signal", "now", "baseline", "threshold", "verdict")]
    for seen in table:
        values = (value_text(seen.signal, value) for value in (seen.now, seen.baseline))
        rows.append((seen.sign, clean_line(seen.signal.name), *values, seen.threshold_text, seen.word))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if number:
            seen = table[number - 1]
            lines.append(f"     {because_of(seen)} ({evidence_words(seen)})")
    return lines


def signal_values(state: RunState) -> dict[str, Any]:
    """The same for programs."""
    words, share = progress(state)
    return {
        "standing": standing(state),
        "progress": share if words else None,
        "signals": [
            {
                "signal": seen.signal.name,
                "kind": seen.signal.kind.value,
                "unit": seen.signal.unit,
                "source": seen.signal.source,
                "required": seen.signal.required,
                "verdict": seen.judgement.verdict.value if seen.judgement else None,
                "because": seen.judgement.because if seen.judgement else None,
                "now": seen.now,
                "baseline": seen.baseline,
                "threshold": seen.threshold,
                "samples": seen.samples,
                "unknown": seen.unknown,
                "blind": seen.blind_since is not None,
                "silence": seen.silence or None,
            }
            for seen in signals_seen(state)
        ],
    }
