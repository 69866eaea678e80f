"""Charts of block characters: one row for a table, or several with the baseline and what happened marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.reports.signal_values import series, value_text
from handrail.reports.signals import SignalSeen
from handrail.run.state import RunState
from handrail.signals.signal import SignalKind
from handrail.text import countdown
from handrail.tui.presenters.line import Line, Part, Tone, line

EIGHTHS = " ▁▂▃▄▅▆▇█"
UNKNOWN = "·"
BASELINE_ROW, THRESHOLD_ROW = "╌", "┈"
GUTTER = 11
LEVEL_SPAN = 0.2
"""A level's chart spans so much of its value at least: noise must not look like mountains."""

SMALLEST_SPAN = {SignalKind.OUTCOMES: 0.01}
MOST_ROWS = 16

Values = Sequence[float | None]


class Mark(Struct, frozen=True):
    """Something that happened, at a place from 0 to 1 of a chart's time; `letter` marks it on the axis."""

    place: float
    letter: str
    name: str


def small_chart(seen: SignalSeen, values: Values) -> Line:
    """One row: a block for each value; a part without a known sample is a dot, never an empty bar."""
    low, high = _span(seen, values)
    parts: list[Part] = []
    for value in values:
        if value is None or not math.isfinite(value):
            parts.append((UNKNOWN, Tone.QUIET))
        else:
            beyond = _is_beyond(seen, value)
            parts.append(
                (EIGHTHS[1 + round(_share(value, low, high) * 7)], Tone.BAD if beyond else Tone.GOOD)
            )
    return _joined(parts)


def large_chart(state: RunState, seen: SignalSeen, width: int, height: int) -> tuple[Line, ...]:
    """A chart over the whole run, in `height` lines with its axis and the names of its marks.

    Nothing where there is no room for it, or nothing was sampled.
    """
    windows = state.watch.windows
    columns, rows = width - GUTTER - 1, min(height - 2, MOST_ROWS)
    if columns < 8 or rows < 2 or not windows:
        return ()
    first, last = windows[0].start, windows[-1].end
    values = series(seen.signal, windows, first, last, columns)
    low, high = _span(seen, values)
    marks = _marks(state, first, last)
    places = {min(int(mark.place * columns), columns - 1): mark for mark in marks}
    labels = _labels(seen, low, high, rows)
    lines: list[Line] = []
    for row in range(rows):
        name, rule = labels.get(row, ("", " "))
        parts: list[Part] = [(f"{name:>{GUTTER - 1}}", Tone.QUIET), ("┤" if name else "│", Tone.QUIET)]
        for column, value in enumerate(values):
            parts.append(_cell(seen, value, (low, high), (rows - 1 - row, rows), rule, column in places))
        lines.append(_joined(parts))
    lines.append(_axis(state, first, last, columns, places))
    lines.append(_legend(state, marks, columns, last.since(first)))
    return tuple(lines)


def _cell(
    seen: SignalSeen,
    value: float | None,
    span: tuple[float, float],
    place: tuple[int, int],
    rule: str,
    marked: bool,
) -> Part:
    """One character: a part of a bar, the rule of baseline or threshold, or the line of a mark."""
    row, rows = place
    empty = ("│" if marked else rule, Tone.QUIET)
    if value is None or not math.isfinite(value):
        return (UNKNOWN, Tone.QUIET) if row == 0 and not marked else empty
    filled = _share(value, *span) * rows * 8 - row * 8
    # Even zero is a bar: what was seen and was nothing must not look like what was not seen.
    eighth = max(1 if row == 0 else 0, min(8, round(filled)))
    return (EIGHTHS[eighth], Tone.BAD if _is_beyond(seen, value) else Tone.GOOD) if eighth else empty


def _labels(seen: SignalSeen, low: float, high: float, rows: int) -> dict[int, tuple[str, str]]:
    """What stands at the left of a row, and the rule through it, by row from the top."""
    labels = {0: (value_text(seen.signal, high), " ")}
    for name, value, rule in (
        ("limit ", seen.threshold, THRESHOLD_ROW),
        ("base ", seen.baseline, BASELINE_ROW),
    ):
        if value is None or not low <= value <= high:
            continue
        row = rows - 1 - min(int(_share(value, low, high) * rows), rows - 1)
        text = value_text(seen.signal, value)
        labels[row] = (f"{name}{text}" if len(name + text) < GUTTER else text[: GUTTER - 1], rule)
    return labels


def _axis(state: RunState, first: Instant, last: Instant, columns: int, places: dict[int, Mark]) -> Line:
    """The axis of time: double where the baseline was taken."""
    taken = state.watch.baseline_taken
    span = last.since(first).total_seconds()
    until = taken.since(first).total_seconds() / span * columns if taken is not None and span else 0
    signs = ["═" if place < until else "─" for place in range(columns)]
    for place, mark in places.items():
        signs[place] = mark.letter
    return line((" " * (GUTTER - 1) + "└" + "".join(signs), Tone.QUIET))


def _legend(state: RunState, marks: Sequence[Mark], columns: int, span: timedelta) -> Line:
    """What the axis shows: its ends, and what its letters mean, as far as there is room."""
    words = f"-{countdown(span)}"
    explained = ["═ baseline"] if state.watch.baseline_taken is not None else []
    for each in (*explained, *(f"{mark.letter} {mark.name}" for mark in marks)):
        if len(words) + len(each) + 7 <= columns:
            words += f"  {each}"
    return line((" " * GUTTER + words + "now".rjust(columns - len(words)), Tone.QUIET))


def _marks(state: RunState, first: Instant, last: Instant) -> tuple[Mark, ...]:
    """The deployment's first change, the watch, and the rollback."""
    changed = [
        step.started
        for step in state.forward_steps
        if step.may_have_acted and not step.planned.only_looks and step.started is not None
    ]
    begun = min(changed, key=lambda at: at.since(first), default=None)
    happened = (
        (begun, "D", "deploy"),
        (state.watch.started, "W", "watch"),
        (state.rollback_started, "R", "rollback"),
    )
    span = last.since(first).total_seconds()
    return tuple(
        Mark(at.since(first).total_seconds() / span, letter, name)
        for at, letter, name in happened
        if at is not None and 0 <= at.since(first).total_seconds() <= span
    )


def _span(seen: SignalSeen, values: Values) -> tuple[float, float]:
    """The lowest and the highest value that a chart shows; only a level need not begin at zero."""
    known = [value for value in (*values, seen.baseline) if value is not None and math.isfinite(value)]
    if not known:
        return 0.0, SMALLEST_SPAN.get(seen.signal.kind, 1.0)
    low, high = min(known), max(known)
    if (limit := seen.threshold) is not None and math.isfinite(limit) and limit <= 2 * high:
        high = max(high, limit)
    if seen.signal.kind is SignalKind.LEVEL and low > 0:
        middle = (low + high) / 2
        reach = max((high - low) / 2 * 1.1, middle * LEVEL_SPAN / 2)
        return max(middle - reach, 0.0), middle + reach
    least = SMALLEST_SPAN.get(seen.signal.kind, 1.0)
    return min(low, 0.0), max(high, least)


def _share(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0


def _is_beyond(seen: SignalSeen, value: float) -> bool:
    if seen.threshold is None:
        return False
    if seen.signal.below is not None and seen.threshold == seen.signal.below:
        return value < seen.threshold
    return value > seen.threshold


def _joined(parts: Sequence[Part]) -> Line:
    """Parts of one tone as one part: a row of bars is a few runs, not a style for each cell."""
    joined: list[Part] = []
    for text, tone in parts:
        if joined and joined[-1][1] is tone:
            joined[-1] = (joined[-1][0] + text, tone)
        else:
            joined.append((text, tone))
    return tuple(joined)
